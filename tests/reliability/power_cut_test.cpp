// The power goes while applications write: what was answered is there when it comes back.
// A longer campaign is the same program: FLOWMYNA_POWER_ROUNDS=200 power_cut_test

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "reliability/campaign.h"

namespace flowmyna::test {
namespace {

constexpr const char* kRefused = R"([{"fault":"refused"}])";
constexpr const char* kSlowAtTimes =
    R"([{"fault":"slow","delay_ms":40,"probability":0.5,"seed":1,"apply":"before"}])";

/// Writes, cuts the power in the middle of it, and starts the agent on what the disk holds then;
/// false when it does not start.
bool live_through_a_power_cut(Site& site, std::size_t answers, const std::string& settings) {
  site.rig.start_agent(settings);
  site.write(answers);
  site.traffic.power_goes();
  site.disk.cut_power();
  site.rig.kill_agent();
  site.traffic.stop();
  site.disk.unmount();
  site.disk.mount();
  EXPECT_EQ(integrity_of(site.rig.outbox_file()), "ok");
  site.rig.set_launch({}, {});
  site.rig.start_agent(settings);
  return !testing::Test::HasFailure();
}

TEST(PowerCut, NothingThatWasAnsweredIsLostAndNothingGoesBack) {
  NEEDS_LOOP_DISK();
  const int rounds = number_from("FLOWMYNA_POWER_ROUNDS", 6);
  std::mt19937_64 random(seed_of_this_run());
  Site site;
  for (int round = 0; round < rounds; ++round) {
    // In turn: nobody there, so that the log grows; and an API that answers, so that the cut falls
    // among seals and settlements. Some rounds begin with what the last one left.
    site.rig.set_faults(round % 2 == 0 ? kRefused : kSlowAtTimes);
    const auto answers = std::uniform_int_distribution<std::size_t>(20, 400)(random);
    // A small quota has a short log: it is checkpointed within a round.
    ASSERT_TRUE(live_through_a_power_cut(site, answers,
                                         "delivery.batch_items = 10\noutbox.max_size = \"8MiB\"\n"))
        << "round " << round;
    if (round % 3 == 2 || round == rounds - 1) {
      const Comparison found = site.drain_and_compare();
      EXPECT_TRUE(found.keeps_the_promises())
          << "round " << round << ": " << found.missing << " missing, " << found.regressed
          << " gone back, " << found.twice_under_other_key << " under two keys: " << found.example;
    }
    EXPECT_EQ(site.rig.stop_agent(), 0);
  }
  site.rig.start_agent();
  const Comparison found = site.drain_and_compare();
  EXPECT_TRUE(found.keeps_the_promises()) << found.example;
  EXPECT_EQ(integrity_of(site.rig.outbox_file()), "ok");
  std::printf("power cuts: rounds=%d answered=%zu missing=%zu gone back=%zu events twice=%zu\n",
              rounds, found.answered, found.missing, found.regressed, found.twice);
}

TEST(PowerCut, TheRigSeesTheLossWhenSyncsAreTakenAway) {
  NEEDS_LOOP_DISK();
  Site site;
  site.rig.set_faults(kRefused);
  site.rig.set_launch({}, {{"LD_PRELOAD", "libeatmydata.so"}});
  // The kernel writes by itself after 5 s; the cut comes long before, and once would be enough.
  Comparison found;
  int rounds = 0;
  while (found.missing == 0 && rounds < 5) {
    ++rounds;
    ASSERT_TRUE(live_through_a_power_cut(site, 50, ""));
    found = site.drain_and_compare();
    site.rig.kill_agent();
    site.rig.set_faults(kRefused);
    site.rig.set_launch({}, {{"LD_PRELOAD", "libeatmydata.so"}});
  }
  EXPECT_GT(found.missing, 0U) << "without syncs nothing was lost: the rig proves nothing";
  std::printf("power cuts without syncs: rounds=%d answered=%zu missing=%zu\n", rounds,
              found.answered, found.missing);
}

}  // namespace
}  // namespace flowmyna::test
