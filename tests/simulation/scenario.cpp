#include "scenario.h"

#include <algorithm>

#include "chance.h"

namespace flowmyna::simulation {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

ForemanOptions draw_foreman(Chance& chance, std::uint64_t seed) {
  ForemanOptions options;
  options.seed = seed;
  options.plan.items_max = chance.one_of<std::size_t>({1, 3, 10, 100});
  options.plan.bytes_max = chance.one_of<std::size_t>({300, 1U << 20});
  if (chance.one_in(0.2)) options.plan.latest_types = {"T0"};
  options.backoff.initial = chance.one_of<milliseconds>({milliseconds(200), seconds(1)});
  options.backoff.max = chance.one_of<milliseconds>({seconds(20), seconds(300)});
  options.linger = chance.one_of<milliseconds>({milliseconds(0), milliseconds(200), seconds(5)});
  options.in_flight_max = chance.one_of<std::size_t>({1, 2, 8});
  options.requests_per_minute_max = chance.one_of<std::uint32_t>({0, 30, 1000});
  options.hold_unknown = chance.one_in(0.25);
  options.dead_letter_after =
      chance.one_of<milliseconds>({milliseconds(0), seconds(30), minutes(2)});
  options.window_operations = chance.one_of<std::size_t>({5, 30, 10'000});
  options.window_bytes = chance.one_of<std::size_t>({500, 4U << 20});
  options.compact_operations = chance.one_of<std::size_t>({1, 7, 2048});
  return options;
}

ApiOptions draw_api(Chance& chance) {
  using Refusal = ApiOptions::Refusal;
  ApiOptions options;
  options.refusal = chance.one_of({Refusal::kWhole, Refusal::kInPart});
  if (chance.one_in(0.7)) options.dialect = draw_dialect(chance);
  options.passing_failure = chance.one_of({0.0, 0.0, 0.05});
  options.body_bytes_max = chance.one_of<std::size_t>({SIZE_MAX, SIZE_MAX, 1000});
  options.takes_large_items = chance.one_in(0.5);
  options.has_usual_health = !chance.one_in(0.1);
  return options;
}

WriterOptions draw_writers(Chance& chance) {
  WriterOptions options;
  options.operations = chance.one_of<std::size_t>({30, 100, 300});
  options.writers = chance.one_of<std::size_t>({1, 3});
  options.batch_max = chance.one_of<std::size_t>({1, 10, 40});
  options.pause = chance.one_of<milliseconds>({milliseconds(50), seconds(5), minutes(20)});
  options.types = 2;
  options.objects = chance.one_of<std::size_t>({1, 4, 12});
  options.event_share = chance.one_of({0.1, 0.5});
  options.inline_share = chance.one_of({0.0, 0.4});
  options.bad_share = chance.one_of({0.0, 0.03, 0.1});
  options.large_share = chance.one_of({0.0, 0.0, 0.05});
  return options;
}

FaultPlan::Options draw_faults(Chance& chance, BootTime end) {
  FaultPlan::Options options;
  options.end = end;
  if (chance.one_in(0.2)) return options;
  if (chance.one_in(0.15)) {
    options.health = chance.one_of(
        {Fault::kNotFound, Fault::kServerError, Fault::kUnauthorized, Fault::kPortal});
  }
  options.slow = chance.one_of({0.0, 0.0, 0.01});
  options.background = chance.one_of({0.0, 0.02, 0.2});
  const auto periods = chance.number(0, 4);
  for (std::int64_t i = 0; i < periods; ++i) {
    const BootTime begin = chance.between(BootTime(0), end);
    const auto length = chance.around(
        std::max(milliseconds(1), chance.one_of<milliseconds>({end / 4, minutes(2)})));
    const std::vector<std::vector<Fault>> kinds{
        {Fault::kRefused},
        {Fault::kLostBefore},
        {Fault::kLostBefore, Fault::kLostAfter, Fault::kLate},
        {Fault::kServerError, Fault::kGateway},
        {Fault::kUnauthorized},
        {Fault::kNotFound},
        {Fault::kPortal},
        {Fault::kThrottled},
        {Fault::kNone, Fault::kLate, Fault::kLostAfter, Fault::kTruncated},
        {Fault::kNone, Fault::kRefused, Fault::kGateway, Fault::kThrottled},
    };
    options.periods.push_back(
        {begin, std::min(end, begin + length), chance.one_of(std::span(kinds))});
  }
  return options;
}

/// Of an endpoint, of an object, or of all.
std::vector<Trouble> draw_troubles(Chance& chance, const WriterOptions& writers, BootTime end) {
  using Effect = Trouble::Effect;
  std::vector<Trouble> out;
  for (auto i = chance.one_in(0.5) ? chance.number(1, 3) : 0; i > 0; --i) {
    Trouble& trouble = out.emplace_back();
    trouble.begin = chance.between(BootTime(0), end);
    trouble.end = std::min(end, trouble.begin + chance.around(std::max(milliseconds(1), end / 4)));
    if (chance.one_in(0.7)) trouble.kind = chance.one_of({Kind::kUpsert, Kind::kEvent});
    trouble.effect = chance.one_of({Effect::kServerError, Effect::kForbidden, Effect::kPage,
                                    Effect::kNotFound, Effect::kSilence, Effect::kHalfDone,
                                    Effect::kRefusesAll, Effect::kFailsAll});
    if (!chance.one_in(0.6)) continue;
    const std::size_t object = chance.index(writers.objects);
    trouble.objects = Writers::name_of(writers, object);
    if (!chance.one_in(0.4)) continue;
    trouble.end = Trouble::kNever;
    trouble.effect = chance.one_of({Effect::kServerError, Effect::kForbidden, Effect::kPage,
                                    Effect::kNotFound, Effect::kSilence, Effect::kHalfDone});
  }
  return out;
}

CrashOptions draw_crashes(Chance& chance, BootTime end) {
  CrashOptions options;
  if (chance.one_in(0.3)) return options;
  options.crashes_max = static_cast<std::size_t>(chance.number(1, 6));
  options.after_commit = chance.one_of({0.0, 0.02, 0.1});
  options.after_answer = chance.one_of({0.0, 0.02, 0.1});
  for (std::int64_t i = chance.number(0, 2); i > 0; --i) {
    options.at.push_back(chance.between(BootTime(0), end));
  }
  options.downtime_max = chance.one_of<milliseconds>({seconds(1), minutes(10)});
  return options;
}

ClockOptions draw_clock(Chance& chance, BootTime end) {
  ClockOptions options;
  if (chance.one_in(0.5)) return options;
  options.is_unset_at_boot = true;
  options.reboot = chance.one_of({0.0, 0.3});
  options.error_max = chance.one_of<milliseconds>({seconds(2), hours(24 * 365 * 50)});
  options.steps_max = chance.one_of<std::size_t>({0, 3});
  options.synchronised_after_max = chance.one_of<milliseconds>({seconds(30), end});
  options.never_synchronised = chance.one_of({0.0, 0.2});
  options.acceptance_max = chance.one_of<milliseconds>({milliseconds(0), seconds(10)});
  return options;
}

/// A network that changes now and then, and one that flaps 10 to 100 times a second.
void draw_network_changes(Chance& chance, BootTime end, Scenario& scenario) {
  for (std::int64_t i = chance.one_in(0.4) ? chance.number(1, 10) : 0; i > 0; --i) {
    scenario.commands.emplace_back(chance.between(BootTime(0), end), Command::kNetworkChanged);
  }
  if (!chance.one_in(0.15)) return;
  const auto interval = chance.between(milliseconds(10), milliseconds(100));
  const auto changes = chance.number(10, 1000);
  BootTime when = chance.between(BootTime(0), end);
  for (std::int64_t i = 0; i < changes; ++i, when += interval) {
    scenario.commands.emplace_back(when, Command::kNetworkChanged);
  }
}

}  // namespace

Scenario draw_scenario(std::uint64_t seed) {
  Chance chance(seed);
  Scenario scenario;
  scenario.seed = seed;
  scenario.foreman = draw_foreman(chance, seed);
  scenario.api = draw_api(chance);
  scenario.writers = draw_writers(chance);
  const WriterOptions& writers = scenario.writers;
  const auto batches = 2 * writers.operations / (writers.writers * (writers.batch_max + 1)) + 1;
  const BootTime end = writers.pause * batches + minutes(2);
  scenario.faults = draw_faults(chance, end);
  scenario.troubles = draw_troubles(chance, writers, end);
  scenario.crashes = draw_crashes(chance, end);
  scenario.clock = draw_clock(chance, end);
  scenario.outbox.clock_step.operations_max = chance.one_of<std::size_t>({1, 5, 500});
  if (chance.one_in(0.3)) scenario.outbox.commit_failure = chance.one_of({0.05, 0.3});
  if (chance.one_in(0.5)) scenario.outbox.failed_but_kept = 0.5;
  if (chance.one_in(0.3)) scenario.outbox.slow_sync = 0.05;
  const bool has_room = std::ranges::any_of(scenario.troubles, &Trouble::is_endless);
  if (!has_room && chance.one_in(0.1)) scenario.quota_bytes = 3000;
  for (std::int64_t i = chance.one_in(0.3) ? chance.number(1, 6) : 0; i > 0; --i) {
    scenario.commands.emplace_back(
        chance.between(BootTime(0), end),
        chance.one_of({Command::kFlush, Command::kPause, Command::kResume}));
  }
  for (std::int64_t i = chance.one_in(0.6) ? chance.number(1, 12) : 0; i > 0; --i) {
    scenario.commands.emplace_back(
        chance.between(BootTime(0), end),
        chance.one_of({Command::kRetryOne, Command::kRetryAll, Command::kDropOne}));
  }
  for (std::int64_t i = chance.one_in(0.3) ? chance.number(1, 6) : 0; i > 0; --i) {
    scenario.commands.emplace_back(chance.between(BootTime(0), end), Command::kDropPending);
  }
  if (chance.one_in(0.5)) {
    scenario.commands.emplace_back(chance.between(BootTime(0), end), Command::kMendApi);
  }
  scenario.writers.waiting_share = chance.one_of({0.0, 0.1, 0.5});
  scenario.writers.wait_max = chance.one_of<milliseconds>({seconds(1), minutes(10)});
  draw_network_changes(chance, end, scenario);
  return scenario;
}

std::string render(const Scenario& scenario) {
  const ApiOptions& api = scenario.api;
  std::string out = "the API: ";
  out += api.refusal == ApiOptions::Refusal::kWhole ? "refuses batches, " : "refuses items, ";
  out += render(api.dialect);
  if (!api.has_usual_health) out += ", another health";
  if (api.body_bytes_max != SIZE_MAX) {
    out += ", 413 above " + std::to_string(api.body_bytes_max) + " bytes";
    out += api.takes_large_items ? " but for one item" : "";
  }
  if (scenario.faults.health != Fault::kNone) {
    out += ", health: " + std::string(name_of(scenario.faults.health));
  }
  for (const Trouble& trouble : scenario.troubles) out += ", " + render(trouble);
  return out;
}

}  // namespace flowmyna::simulation
