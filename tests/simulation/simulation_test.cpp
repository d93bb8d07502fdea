// Days of traffic, outages and crashes in virtual time. Set FLOWMYNA_SIM_SEED to run one seed with
// its whole event log, FLOWMYNA_SIM_SEEDS to run another number of seeds.

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <iostream>

#include "simulation.h"

namespace flowmyna::simulation {
namespace {

constexpr std::uint64_t kSeeds = 8000;
constexpr std::size_t kTraceLines = 200;  // of a failing seed among many; alone it prints all

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void print_failure(std::uint64_t seed, std::size_t lines_max) {
  const Outcome outcome = Simulation(draw_scenario(seed), true).run();
  const std::size_t size = outcome.trace.size();
  const std::size_t begin = size > lines_max ? size - lines_max : 0;
  for (std::size_t i = begin; i < size; ++i) std::cerr << outcome.trace[i] << '\n';
}

TEST(Simulation, EndsLikeTheUnplannedSequenceWhateverHappens) {
  const std::uint64_t one = number_from("FLOWMYNA_SIM_SEED", 0);
  const std::uint64_t first = one != 0 ? one : 1;
  const std::uint64_t last = one != 0 ? one : number_from("FLOWMYNA_SIM_SEEDS", kSeeds);
  std::size_t operations = 0;
  std::size_t requests = 0;
  std::size_t crashes = 0;
  std::size_t waits_told = 0;
  std::size_t retries = 0;
  std::uint64_t dropped = 0;
  std::uint64_t duplicates = 0;
  BootTime lasted{0};
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const Outcome outcome = Simulation(draw_scenario(seed), false).run();
    operations += outcome.operations;
    requests += outcome.requests;
    crashes += outcome.crashes;
    waits_told += outcome.waits_told;
    retries += outcome.retries;
    dropped += outcome.stats.dropped;
    duplicates += outcome.stats.duplicates_possible;
    lasted += outcome.lasted;
    if (outcome.broken.empty()) continue;
    print_failure(seed, one != 0 ? SIZE_MAX : kTraceLines);
    FAIL() << "seed " << seed << ": " << outcome.broken.front()
           << "\nreproduce with: FLOWMYNA_SIM_SEED=" << seed << " simulation_test";
  }
  std::cout << last - first + 1 << " seeds, " << lasted.count() / 86'400'000 << " days, "
            << operations << " operations, " << requests << " requests, " << crashes << " crashes, "
            << retries << " retried and " << dropped << " dropped operations, " << duplicates
            << " possible duplicates, " << waits_told << " waits for delivery\n";
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
    EXPECT_EQ(outcome.stats.coalesced, 999U);
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
