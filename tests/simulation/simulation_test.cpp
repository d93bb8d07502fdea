// Days of traffic, outages and crashes in virtual time. Set FLOWMYNA_SIM_SEED to run one seed with
// its whole event log, FLOWMYNA_SIM_SEEDS to run another number of seeds, FLOWMYNA_SIM_FIRST to
// begin with another one.

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <iostream>

#include "print_failure.h"
#include "simulation.h"

namespace flowmyna::simulation {
namespace {

constexpr std::uint64_t kSeeds = 1500;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Simulation, EndsLikeTheUnplannedSequenceWhateverHappens) {
  const std::uint64_t one = number_from("FLOWMYNA_SIM_SEED", 0);
  const std::uint64_t first = one != 0 ? one : number_from("FLOWMYNA_SIM_FIRST", 1);
  const std::uint64_t last = one != 0 ? one : first + number_from("FLOWMYNA_SIM_SEEDS", kSeeds) - 1;
  std::size_t operations = 0;
  std::size_t requests = 0;
  std::size_t crashes = 0;
  std::size_t waits_told = 0;
  std::size_t retries = 0;
  std::uint64_t dropped = 0;
  std::size_t corrected = 0;
  std::uint64_t duplicates = 0;
  std::size_t stuck = 0;
  std::size_t overtaken = 0;
  BootTime lasted{0};
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const Outcome outcome = Simulation(draw_scenario(seed), false).run();
    operations += outcome.operations;
    requests += outcome.requests;
    crashes += outcome.crashes;
    waits_told += outcome.waits_told;
    retries += outcome.retries;
    dropped += outcome.stats.dropped;
    corrected += outcome.corrected;
    duplicates += outcome.stats.duplicates_possible;
    stuck += outcome.stats.pending();
    overtaken = std::max(overtaken, outcome.overtaken);
    lasted += outcome.lasted;
    if (outcome.broken.empty()) continue;
    print_failure(draw_scenario(seed), one != 0 ? SIZE_MAX : kTraceLines);
    if (std::getenv("FLOWMYNA_SIM_GO_ON") != nullptr) {
      ADD_FAILURE() << "seed " << seed << ": " << outcome.broken.front();
      continue;
    }
    FAIL() << "seed " << seed << ": " << outcome.broken.front()
           << "\nreproduce with: FLOWMYNA_SIM_SEED=" << seed << " simulation_test";
  }
  std::cout << last - first + 1 << " seeds, " << lasted.count() / 86'400'000 << " days, "
            << operations << " operations, " << requests << " requests, " << crashes << " crashes, "
            << retries << " retried and " << dropped << " dropped operations, " << duplicates
            << " possible duplicates, " << waits_told << " waits for delivery, " << corrected
            << " corrected times, " << stuck << " operations stuck in the end, at most "
            << overtaken << " requests before something older\n";
  EXPECT_TRUE(corrected > 0 || one != 0) << "no clock was synchronised in time for an event";
}

TEST(Simulation, WhatTheLongestCampaignFoundStaysMended) {
  for (const std::uint64_t seed :
       {191U,     1027U,    1329U,    6202U,    6466U,    7590U,    8737U,    9275U,
        10319U,   12317U,   12717U,   14323U,   19997U,   20063U,   27213U,   64055U,
        69056U,   81320U,   82717U,   83440U,   125980U,  143959U,  144923U,  161011U,
        240085U,  240715U,  254076U,  531896U,  1004338U, 1005717U, 1027290U, 1050375U,
        2000056U, 2009114U, 3004738U, 3006202U, 3008066U, 3009700U, 3247229U, 5032589U}) {
    const Outcome outcome = Simulation(draw_scenario(seed), false).run();
    EXPECT_EQ(outcome.broken, std::vector<std::string>()) << "seed " << seed;
  }
}

/// Events that the API refuses in part, on a machine that starts again and again with an unset
/// clock which is synchronised in the middle of all that.
Scenario splitting_while_synchronised(std::uint64_t seed) {
  Scenario scenario = draw_scenario(seed);
  scenario.api.refusal = ApiOptions::Refusal::kWhole;
  scenario.writers = {};
  scenario.writers.operations = 300;
  scenario.writers.writers = 4;
  scenario.writers.pause = std::chrono::milliseconds(50);
  scenario.writers.event_share = 0.9;
  scenario.writers.bad_share = 0.2;
  scenario.writers.own_time_share = 0;
  scenario.foreman.requests_per_minute_max = 0;
  scenario.foreman.dead_letter_after = std::chrono::milliseconds(0);
  scenario.foreman.linger = std::chrono::milliseconds(0);
  scenario.foreman.in_flight_max = 8;
  scenario.outbox = {};
  scenario.outbox.sync_max = std::chrono::milliseconds(100);
  scenario.faults = {};
  scenario.faults.end = std::chrono::minutes(1);
  scenario.troubles.clear();
  scenario.commands.clear();
  scenario.crashes.at.clear();
  scenario.crashes.crashes_max = 20;
  scenario.crashes.after_commit = 0.01;
  scenario.crashes.after_answer = 0.01;
  scenario.crashes.downtime_max = std::chrono::seconds(1);
  scenario.clock.is_unset_at_boot = true;
  scenario.clock.reboot = 0.5;
  scenario.clock.error_max = std::chrono::hours(24 * 365 * 50);
  scenario.clock.synchronised_after_max = std::chrono::seconds(5);
  scenario.clock.never_synchronised = 0;
  return scenario;
}

TEST(Simulation, AClockThatIsSynchronisedWhileRequestsAreSplitChangesNothingThatLeft) {
  const std::uint64_t seeds = number_from("FLOWMYNA_SIM_SEEDS", kSeeds) / 20;
  std::size_t corrected = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Outcome outcome = Simulation(splitting_while_synchronised(seed), false).run();
    corrected += outcome.corrected;
    if (outcome.broken.empty()) continue;
    print_failure(splitting_while_synchronised(seed), kTraceLines);
    FAIL() << "seed " << seed << ": " << outcome.broken.front();
  }
  EXPECT_GT(corrected, seeds);
}

/// A thousand upserts of one object, all written while the network has `fault`.
Outcome write_during(Fault fault, BootTime begin) {
  Scenario scenario;
  scenario.seed = 1;
  scenario.writers.operations = 1000;
  scenario.writers.writers = 4;
  scenario.writers.pause = std::chrono::seconds(5);
  scenario.writers.objects = 1;
  scenario.writers.event_share = 0;
  scenario.faults.end = std::chrono::hours(2);
  scenario.faults.periods = {{begin, std::chrono::hours(1), {fault}}};
  return Simulation(scenario, false).run();
}

TEST(Simulation, AThousandUpsertsOfOneObjectDuringAnOutageArriveAsOneItem) {
  struct {
    Fault fault;
    BootTime begin;
  } const cases[] = {
      {Fault::kRefused, BootTime(0)},      // since the start
      {Fault::kRefused, BootTime(1'500)},  // after the agent had reached the API
      {Fault::kLostBefore, BootTime(0)},  {Fault::kPortal, BootTime(0)},
      {Fault::kServerError, BootTime(0)}, {Fault::kUnauthorized, BootTime(0)},
  };
  for (const auto& [fault, begin] : cases) {
    SCOPED_TRACE(name_of(fault));
    const Outcome outcome = write_during(fault, begin);
    EXPECT_EQ(outcome.broken, std::vector<std::string>());
    EXPECT_EQ(outcome.operations, 1000U);
    EXPECT_EQ(outcome.stats.delivered, 1000U);
    // Where health says no, but answers, one item is sealed to see whether writes are taken.
    EXPECT_GE(outcome.stats.coalesced, 998U);
  }
}

TEST(Simulation, AnOutageOfAMonthCostsARequestEveryFewMinutes) {
  Scenario scenario;
  scenario.seed = 1;
  const auto month = std::chrono::hours(30 * 24);
  scenario.writers.pause = std::chrono::hours(1);
  scenario.faults.end = month;
  scenario.faults.periods = {{BootTime(0), month, {Fault::kRefused}}};
  const Outcome outcome = Simulation(scenario, false).run();
  EXPECT_EQ(outcome.broken, std::vector<std::string>());
  EXPECT_EQ(outcome.stats.delivered, 200U);
  // A health request and its wait of 150 s on average (retry_max 300 s, full jitter).
  EXPECT_GT(outcome.requests, 30U * 24 * 60 / 5);
  EXPECT_LT(outcome.requests, 30U * 24 * 60 / 2);
}

}  // namespace
}  // namespace flowmyna::simulation

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  spdlog::set_level(spdlog::level::off);
  return RUN_ALL_TESTS();
}
