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

/// Writes, and cuts the power in the middle of it.
void write_until_the_power_is_cut(Site& site, std::size_t answers, const std::string& settings) {
  site.rig.start_agent(settings);
  site.write(answers);
  site.traffic.power_goes();
  site.disk.cut_power();
  site.rig.kill_agent();
  site.traffic.stop();
  site.disk.unmount();
  site.disk.mount();
  EXPECT_EQ(integrity_of(site.rig.outbox_file()), "ok");
}

/// The same, and starts the agent on what the disk holds then; false when it does not start.
bool live_through_a_power_cut(Site& site, std::size_t answers, const std::string& settings) {
  write_until_the_power_is_cut(site, answers, settings);
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
    site.rig.replace_faults(round % 2 == 0 ? kRefused : kSlowAtTimes);
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
  site.rig.replace_faults(kRefused);
  site.rig.set_launch({}, {{"LD_PRELOAD", "libeatmydata.so"}});
  // The kernel writes by itself after 5 s; the cut comes long before, and once would be enough.
  Comparison found;
  int rounds = 0;
  while (found.missing == 0 && rounds < 5) {
    ++rounds;
    ASSERT_TRUE(live_through_a_power_cut(site, 50, ""));
    found = site.drain_and_compare();
    site.rig.kill_agent();
    site.rig.replace_faults(kRefused);
    site.rig.set_launch({}, {{"LD_PRELOAD", "libeatmydata.so"}});
  }
  EXPECT_GT(found.missing, 0U) << "without syncs nothing was lost: the rig proves nothing";
  std::printf("power cuts without syncs: rounds=%d answered=%zu missing=%zu\n", rounds,
              found.answered, found.missing);
}

/// The API keeps what it has, so its own state before and after tells what a restart brought back.
TEST(PowerCut, WithRelaxedDurabilityTheNewestMayBeLostAndNothingThatLeftComesBack) {
  NEEDS_LOOP_DISK();
  const int rounds = number_from("FLOWMYNA_POWER_ROUNDS", 6);
  std::mt19937_64 random(seed_of_this_run());
  Site site;
  std::size_t went_back = 0;
  Comparison found;
  for (int round = 0; round < rounds; ++round) {
    site.rig.clear_faults();
    const auto answers = std::uniform_int_distribution<std::size_t>(100, 400)(random);
    // The log of the smallest quota is checkpointed, and so synced, within a round.
    const std::string settings =
        "outbox.durability = \"relaxed\"\noutbox.max_size = \"1MiB\"\n"
        "delivery.batch_items = 10\n";
    write_until_the_power_is_cut(site, answers, settings);
    const auto before = values_at(site.rig);
    site.rig.start_agent(settings);
    found = site.drain_and_compare();
    for (const auto& [id, value] : values_at(site.rig)) {
      const auto it = before.find(id);
      if (it != before.end() && value < it->second) ++went_back;
    }
    EXPECT_EQ(went_back, 0U) << "round " << round;
    EXPECT_EQ(found.twice_under_other_key, 0U) << found.example;
    EXPECT_EQ(site.rig.stop_agent(), 0);
  }
  std::printf("power cuts, relaxed: rounds=%d answered=%zu missing=%zu gone back=%zu\n", rounds,
              found.answered, found.missing, went_back);
}

}  // namespace
}  // namespace flowmyna::test
