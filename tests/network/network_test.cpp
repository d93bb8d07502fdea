// Networks that go and come back, between a real agent and the stand-in for the API.

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>

#include "network/network_fixture.h"

namespace flowmyna::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kUpsert = "/api/public/v1/object/upsert";

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class NetworkTest : public NetworkFixture {
 protected:
  /// The back-off's end is an hour away: whoever waits for it does not pass.
  void start_agent(const std::string& settings = "") {
    NetworkFixture::start_agent(
        "delivery.retry_initial = \"200ms\"\ndelivery.retry_max = \"1h\"\n" + settings);
  }
  void write(int value) {
    const std::string body =
        R"({"type":"T","id":"1","properties":{"v":)" + std::to_string(value) + "}}";
    EXPECT_EQ(rig_->post(kUpsert, body).status, 200);
  }
  Json value_at_api() { return rig_->sim("/sim/state?type=T&id=1")["objects"][0]["properties"]; }
  std::size_t requests() { return rig_->sim("/sim/counts")["requests"].get<std::size_t>(); }
  Json delivery() { return rig_->status()["delivery"]; }

  /// Everything is settled, and the counters add up. No flush: delivery goes on by itself.
  void expect_settled() {
    rig_->wait_until("everything is settled",
                     [this] { return rig_->status()["outbox"]["pending"] == 0; });
    const Json status = rig_->status();
    EXPECT_EQ(
        status["delivery"]["accepted"].get<int>(),
        status["delivery"]["delivered"].get<int>() + status["outbox"]["dead_letters"].get<int>());
  }
};

TEST_F(NetworkTest, ARouteALinkAndAnAddressThatComeBackAreUsedAtOnce) {
  start_agent();
  write(0);
  expect_settled();
  struct Way {
    const char* name;
    std::function<void()> take;
    std::function<void()> give;
  };
  const Way ways[] = {
      {"route", [&] { networks_.take_route(); }, [&] { networks_.give_route(); }},
      {"link", [&] { networks_.ip("link set eth0 down"); },
       [&] { networks_.ip("link set eth0 up"); }},
      {"address", [&] { networks_.ip("addr del 10.213.0.1/24 dev eth0"); },
       [&] { networks_.ip("addr add 10.213.0.1/24 dev eth0"); }},
  };
  int value = 0;
  for (const Way& way : ways) {
    way.take();
    write(++value);
    rig_->wait_until("the next attempt lies minutes ahead", [&] {
      const Json next = delivery()["next_attempt_in_seconds"];
      if (next.is_number() && next.get<double>() > 180) return true;
      rig_->post("/agent/v1/flush", "");  // an attempt now, and the back-off grows
      return false;
    });
    const std::size_t before = requests();
    way.give();
    const auto begin = Clock::now();
    rig_->wait_until("a request arrives", [&] { return requests() > before; });
    std::printf("%s back: the next request came after %.3f s\n", way.name, seconds_since(begin));
    expect_settled();
    EXPECT_EQ(value_at_api()["v"], value);
  }
}

TEST_F(NetworkTest, ANetworkThatFlapsIsTriedNoMoreThanOnceARetryInitialByHealthAndByARequest) {
  rig_->set_faults(R"([{"fault":"status","status":503}])");
  start_agent();
  write(1);
  std::ofstream flaps(rig_->directory() + "/flaps");
  for (int i = 0; i < 100; ++i) {
    flaps << "route add 10.213.1.0/24 dev eth0\nroute del 10.213.1.0/24 dev eth0\n";
  }
  flaps.close();
  const auto begin = Clock::now();  // before the first count, and its end after the last
  const std::size_t before = requests();
  int changes = 0;
  while (seconds_since(begin) < 3) {
    networks_.ip("-batch " + rig_->directory() + "/flaps");
    changes += 100;
  }
  const std::size_t tried = requests() - before;
  const double lasted = seconds_since(begin);
  std::printf("%d routes came and went in %.1f s: %zu requests\n", changes, lasted, tried);
  EXPECT_GT(tried, 2U) << "the changes went unnoticed";
  EXPECT_LE(static_cast<double>(tried), 2 * (lasted / 0.2 + 2));
  rig_->clear_faults();
  networks_.take_route();
  networks_.give_route();
  expect_settled();
}

TEST_F(NetworkTest, ARequestWhoseAddressIsGoneIsEndedAtOnceAndGoesFromTheNewOne) {
  start_agent("api.request_timeout = \"1h\"\n");
  rig_->set_faults(R"([{"fault":"hang","path":"/object/batch","count":1}])");
  write(1);
  rig_->wait_until("a request is under way",
                   [&] { return rig_->sim("/sim/counts")["faults_served"] == 1; });
  networks_.ip("addr del 10.213.0.1/24 dev eth0");
  networks_.ip("addr add 10.213.0.3/24 dev eth0");
  expect_settled();
  EXPECT_NE(rig_->agent().log().find("the network changed"), std::string::npos);
  EXPECT_EQ(value_at_api()["v"], 1);
}

TEST_F(NetworkTest, APeerThatVanishesIsNoticedAndNothingIsLost) {
  start_agent("api.request_timeout = \"1h\"\napi.connect_timeout = \"1s\"\n");
  write(1);
  expect_settled();
  networks_.lose(100);
  write(2);
  rig_->wait_until("the silence is noticed", [&] { return delivery()["last_error"].is_string(); });
  networks_.lose(0);
  networks_.take_route();
  networks_.give_route();
  expect_settled();
  EXPECT_EQ(value_at_api()["v"], 2);
}

/// Sockets without an owner that still hold bytes for the API: the kernel would send them later.
std::string orphans(const TwoNamespaces& networks) {
  return networks.output_of(
      "ss --no-header --numeric --tcp state fin-wait-1 state last-ack state closing");
}

/// Bytes on open connections to the API that it has not acknowledged.
int unacknowledged(const TwoNamespaces& networks) {
  std::istringstream lines(
      networks.output_of(std::string("ss --no-header --numeric --tcp state established dst ") +
                         TwoNamespaces::kApiAddress));
  int sum = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream columns(line);  // Recv-Q Send-Q …
    int received = 0;
    int unsent = 0;
    columns >> received >> unsent;
    sum += unsent;
  }
  return sum;
}

TEST_F(NetworkTest, WhatWasGivenUpNeverFollowsNewerData) {
  start_agent("api.request_timeout = \"2s\"\napi.connect_timeout = \"1s\"\n");
  write(1);
  expect_settled();
  networks_.lose(100);
  write(2);  // leaves through the open connection
  rig_->wait_until("it is under way", [&] { return unacknowledged(networks_) > 0; });
  rig_->wait_until("it is given up", [&] { return delivery()["last_error"].is_string(); });
  EXPECT_EQ(orphans(networks_), "");
  write(3);
  networks_.lose(0);
  networks_.take_route();
  networks_.give_route();
  expect_settled();
  EXPECT_EQ(value_at_api()["v"], 3);
}

TEST_F(NetworkTest, WhatAKilledProcessHadUnderWayNeverFollowsNewerData) {
  start_agent("api.request_timeout = \"1h\"\n");
  write(1);
  expect_settled();
  networks_.lose(100);
  write(2);
  rig_->wait_until("it is under way", [&] { return unacknowledged(networks_) > 0; });
  rig_->kill_agent();
  EXPECT_EQ(orphans(networks_), "");
  networks_.lose(0);
  start_agent();
  write(3);
  expect_settled();
  EXPECT_EQ(value_at_api()["v"], 3);
}

}  // namespace
}  // namespace flowmyna::test
