// Traffic that is made for one promise each: nothing waits without end, whatever else fails.

#include <gtest/gtest.h>

#include "print_failure.h"
#include "simulation.h"

namespace flowmyna::simulation {
namespace {

/// Traffic without faults, crashes or commands, for a scenario of its own.
Scenario plain(std::uint64_t seed, std::chrono::milliseconds duration) {
  Scenario scenario;
  scenario.seed = seed;
  scenario.foreman.seed = seed;
  scenario.foreman.requests_per_minute_max = 0;
  scenario.faults.end = duration;
  return scenario;
}

Outcome run(const Scenario& scenario) {
  Outcome outcome = Simulation(scenario, false).run();
  EXPECT_EQ(outcome.broken, std::vector<std::string>()) << "seed " << scenario.seed;
  if (!outcome.broken.empty()) print_failure(scenario, kTraceLines);
  return outcome;
}

/// Upserts of ever new objects come a little faster than they leave, and an event now and then.
Scenario overload(std::uint64_t seed) {
  Scenario scenario = plain(seed, std::chrono::minutes(4));
  scenario.foreman.plan.items_max = 10;
  scenario.foreman.requests_per_minute_max = 240;
  scenario.foreman.window_operations = 300;
  scenario.writers.operations = SIZE_MAX;
  scenario.writers.writers = 4;
  scenario.writers.batch_max = 39;
  scenario.writers.pause = std::chrono::milliseconds(1'900);
  scenario.writers.objects = 1'000'000;
  scenario.writers.event_share = 0.005;
  return scenario;
}

// Those who wait for their turn at most; what starves waits for minutes.
constexpr std::chrono::seconds kTurnMax{90};

TEST(Simulation, EveryEventLeavesInItsTurnUnderEndlessOverload) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    for (const std::uint32_t rate : {240U, 0U}) {
      Scenario scenario = overload(seed);
      scenario.foreman.requests_per_minute_max = rate;
      if (rate == 0) {
        scenario.foreman.in_flight_max = 1;
        scenario.writers.pause = std::chrono::milliseconds(1'400);
      }
      const Outcome outcome = run(scenario);
      EXPECT_GT(outcome.stats.accepted, 5000U);
      EXPECT_GT(outcome.oldest_at_calm, std::chrono::seconds(1)) << "it is no overload";
      EXPECT_LT(outcome.oldest_at_calm, kTurnMax) << "seed " << seed << ", rate " << rate;
    }
  }
}

TEST(Simulation, WhatFailedForAWhileGoesAgainUnderEndlessOverload) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Scenario scenario = overload(seed);
    scenario.foreman.backoff.max = std::chrono::seconds(20);
    scenario.writers.types = 50;
    scenario.troubles = {{Trouble::Effect::kServerError,
                          std::chrono::seconds(10),
                          std::chrono::seconds(40),
                          {},
                          "T7/"}};
    const Outcome outcome = run(scenario);
    EXPECT_LT(outcome.oldest_at_calm, kTurnMax) << "seed " << seed;
  }
}

TEST(Simulation, NothingAtTheHeadOfTheBacklogKeepsAnEndpointShut) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Scenario scenario = plain(seed, std::chrono::minutes(20));
    scenario.writers.objects = 12;
    scenario.writers.pause = std::chrono::seconds(2);
    scenario.troubles = {
        {Trouble::Effect::kServerError, BootTime(0), Trouble::kNever, {}, "T0/o0"}};
    const Outcome outcome = run(scenario);
    EXPECT_GT(outcome.stats.delivered, outcome.stats.accepted / 8);
    EXPECT_GT(outcome.stats.pending(), 0U);
  }
}

/// Twenty objects that the API never takes anything of, tried many times a second, and others that
/// stand far behind what waits for them.
Scenario many_that_fail(std::uint64_t seed) {
  Scenario scenario = plain(seed, std::chrono::minutes(2));
  scenario.foreman.plan.items_max = 1;
  scenario.foreman.backoff = {std::chrono::milliseconds(200), std::chrono::seconds(1)};
  scenario.foreman.window_operations = 5;
  scenario.writers.operations = 1500;
  scenario.writers.writers = 4;
  scenario.writers.batch_max = 39;
  scenario.writers.pause = std::chrono::seconds(2);
  scenario.writers.objects = 40;
  scenario.writers.event_share = 0;
  scenario.troubles = {{Trouble::Effect::kServerError, BootTime(0), Trouble::kNever, {}, "T0/"}};
  return scenario;
}

TEST(Simulation, HoweverOftenSomethingFailsTheEndOfTheBacklogIsReached) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Scenario scenario = many_that_fail(seed);
    const Outcome outcome = run(scenario);
    EXPECT_EQ(outcome.stats.accepted - outcome.stats.pending(), outcome.stats.delivered);
    EXPECT_GT(outcome.stats.delivered, outcome.stats.accepted / 3);
    // Of those that it never takes, it is known by name soon after.
    EXPECT_LT(outcome.lasted, scenario.faults.end + std::chrono::minutes(2));
  }
}

/// Events that are not taken for two minutes, tried several times a second, and every tenth time an
/// upsert, of which the writer waits for a while. All of it is read in tiny windows.
Scenario events_are_down(std::uint64_t seed) {
  Scenario scenario = plain(seed, std::chrono::minutes(2));
  scenario.foreman.plan.items_max = 1;
  scenario.foreman.backoff = {std::chrono::milliseconds(200), std::chrono::milliseconds(200)};
  scenario.foreman.window_operations = 5;
  scenario.writers.operations = 1500;
  scenario.writers.writers = 4;
  scenario.writers.batch_max = 1;
  scenario.writers.pause = std::chrono::milliseconds(260);
  scenario.writers.objects = 1'000'000;
  scenario.writers.event_share = 0.9;
  scenario.writers.waiting_share = 1;
  scenario.writers.wait_max = std::chrono::seconds(20);
  scenario.troubles = {
      {Trouble::Effect::kServerError, BootTime(0), scenario.faults.end, Kind::kEvent}};
  return scenario;
}

TEST(Simulation, AnEndpointThatIsTriedAgainAndAgainHidesNothingOfTheOther) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    // Of some 150 upserts; fewer than 25 where the look at the backlog begins anew each time.
    EXPECT_GT(run(events_are_down(seed)).waits_told, 80U) << "seed " << seed;
  }
}

TEST(Simulation, NorDoesItHideWhatHadToBePassedOver) {
  std::size_t told = 0;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Scenario scenario = events_are_down(seed);
    scenario.writers.wait_max = std::chrono::seconds(60);
    scenario.troubles.push_back(
        {Trouble::Effect::kServerError, BootTime(0), std::chrono::seconds(60), Kind::kUpsert});
    told += run(scenario).waits_told;
  }
  // Some 300 are; 210 where no look ever takes over from the first.
  EXPECT_GT(told, 255U);
}

/// An upsert every few minutes, each of an object of its own, of which some are never taken. What
/// is stuck is tried in between, again and again, with nothing delivered meanwhile.
Scenario quiet_beside_what_is_stuck(std::uint64_t seed) {
  Scenario scenario = plain(seed, std::chrono::hours(30));
  scenario.writers.operations = 150;
  scenario.writers.writers = 1;
  scenario.writers.batch_max = 1;
  scenario.writers.pause = std::chrono::minutes(8);
  scenario.writers.objects = 1'000'000;
  scenario.writers.types = 8;
  scenario.writers.event_share = 0;
  scenario.writers.waiting_share = 1;
  scenario.writers.wait_max = std::chrono::seconds(20);
  scenario.troubles = {{Trouble::Effect::kServerError, BootTime(0), Trouble::kNever, {}, "T0/"}};
  return scenario;
}

TEST(Simulation, WhatIsStuckKeepsNobodyWaitingWhoComesNowAndThen) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Outcome outcome = run(quiet_beside_what_is_stuck(seed));
    EXPECT_GT(outcome.stats.pending(), 5U);
    EXPECT_GT(outcome.stats.delivered, 80U);
    // Each that fails for the first time may be the endpoint's fault, and some wait for that.
    EXPECT_GE(outcome.waits_told + 2 * outcome.stats.pending(), outcome.stats.delivered)
        << "seed " << seed;
  }
}

TEST(Simulation, WhatFailsForEverIsSealedWithinItsBounds) {
  Scenario scenario = plain(1, std::chrono::minutes(10));
  scenario.foreman.plan.items_max = 1;
  scenario.foreman.sealed_max = 20;
  scenario.writers.objects = 1'000'000;
  scenario.writers.event_share = 0;
  scenario.writers.pause = std::chrono::seconds(2);
  scenario.troubles = {
      {Trouble::Effect::kServerError, BootTime(0), scenario.faults.end, {}, "T0/"}};
  const Outcome outcome = run(scenario);
  EXPECT_EQ(outcome.seals_max, 20U);
}

TEST(Simulation, AnApiThatRefusesEverythingForAWhileLosesNextToNothing) {
  for (const auto effect : {Trouble::Effect::kRefusesAll, Trouble::Effect::kFailsAll}) {
    for (const auto begin : {BootTime(0), BootTime(60'000)}) {
      Scenario scenario = plain(1, std::chrono::hours(2));
      scenario.foreman.plan.items_max = 3;
      scenario.foreman.dead_letter_after = std::chrono::minutes(10);
      scenario.writers.objects = 1000;
      scenario.writers.pause = std::chrono::seconds(5);
      scenario.troubles = {{effect, begin, std::chrono::minutes(50)}};
      const Outcome outcome = run(scenario);
      EXPECT_EQ(outcome.stats.accepted, 200U);
      // The first two batches of each endpoint may be taken for bad data.
      EXPECT_LE(outcome.stats.dead, 2 * 2 * 3U);
      EXPECT_LT(outcome.requests, 1000U);
    }
  }
}

TEST(Simulation, WhatTheApiFailsByItselfIsTriedForLongEnough) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Scenario scenario = plain(seed, std::chrono::hours(1));
    scenario.foreman.dead_letter_after = std::chrono::minutes(30);
    scenario.writers.objects = 12;
    scenario.writers.pause = std::chrono::seconds(30);
    scenario.api.passing_failure = 0.5;
    scenario.troubles = {
        {Trouble::Effect::kFailsAll, BootTime(0), std::chrono::minutes(10), {}, "T0/o0"}};
    EXPECT_EQ(run(scenario).died, 0U);
  }
}

TEST(Simulation, AnApiThatContradictsItselfAboutPositionsIsNotBelieved) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Scenario scenario = plain(seed, std::chrono::hours(1));
    scenario.foreman.in_flight_max = 1;
    scenario.foreman.plan.items_max = 5;
    scenario.foreman.dead_letter_after = std::chrono::seconds(10);
    scenario.writers.objects = 100;
    scenario.writers.event_share = 1;
    scenario.writers.bad_share = 0.2;
    scenario.api.refusal = ApiOptions::Refusal::kInPart;
    scenario.api.dialect.positions = Dialect::Positions::kTurning;
    run(scenario);
  }
}

}  // namespace
}  // namespace flowmyna::simulation
