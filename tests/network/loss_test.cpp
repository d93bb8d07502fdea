// Packets that are lost and networks that fall silent, under random operations: nothing is lost,
// nothing goes back to an older state.

#include <gtest/gtest.h>

#include <chrono>

#include "e2e/workload.h"
#include "network/network_fixture.h"

namespace flowmyna::test {
namespace {

class LossTest : public NetworkFixture {
 protected:
  void write(int operations) {
    auto connection = rig_->connect();
    for (int i = 0; i < operations; ++i) {
      const Step step = workload_.next();
      ASSERT_EQ(connection->post(step.path, step.body).status, 200);
      workload_.accepted(step);
    }
  }

  void expect_all_in_order() {
    rig_->drain();
    const Json delivery = rig_->status()["delivery"];
    EXPECT_EQ(delivery["accepted"], workload_.count());
    EXPECT_EQ(delivery["accepted"], delivery["delivered"]);
    workload_.compare(rig_->sim("/sim/state"), delivery["duplicates_possible"].get<std::size_t>());
  }

  Workload workload_{testing::UnitTest::GetInstance()->random_seed() + 1U};
};

TEST_F(LossTest, OnAnyLossyNetworkAllArrivesInOrder) {
  start_agent("delivery.batch_items = 5\n");
  for (const int percent : {1, 5, 20}) {
    networks_.lose(percent);
    const auto begin = std::chrono::steady_clock::now();
    for (int burst = 0; burst < 5; ++burst) write(20);
    expect_all_in_order();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%d %% loss: 100 operations delivered in %.1f s\n", percent, took.count());
  }
}

TEST_F(LossTest, ANetworkThatFallsSilentAgainAndAgainLosesNothingAndSendsNothingStale) {
  rig_->start_agent(
      "api.allow_insecure = true\ndelivery.batch_items = 5\n"
      "api.request_timeout = \"300ms\"\napi.connect_timeout = \"300ms\"\n");
  for (int round = 0; round < 6; ++round) {
    write(15);
    networks_.lose(100);
    write(15);
    rig_->wait_until("the silence is noticed",
                     [&] { return rig_->status()["delivery"]["last_error"].is_string(); });
    networks_.lose(0);
    write(5);
  }
  expect_all_in_order();
}

}  // namespace
}  // namespace flowmyna::test
