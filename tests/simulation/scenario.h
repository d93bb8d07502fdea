#pragma once

#include <cstdint>
#include <vector>

#include "delivery/foreman.h"
#include "faults.h"
#include "model_api.h"
#include "simulated_outbox.h"
#include "troubles.h"
#include "writers.h"

namespace flowmyna::simulation {

struct CrashOptions {
  std::size_t crashes_max = 0;
  double after_commit = 0;   ///< chance that a commit's answers are never heard
  double after_answer = 0;   ///< chance that an answer is the last thing that a process hears
  std::vector<BootTime> at;  ///< whatever happens then
  std::chrono::milliseconds downtime_max{600'000};
};

/// A machine without a battery for its clock.
struct ClockOptions {
  bool is_unset_at_boot = false;
  double reboot = 0;  ///< share of the crashes that are the machine's
  /// What a boot's clock is off by, and when it is set: first by some steps, then synchronised.
  std::chrono::milliseconds error_max{0};
  std::size_t steps_max = 0;
  std::chrono::milliseconds synchronised_after_max{0};
  double never_synchronised = 0;                ///< share of the boots
  std::chrono::milliseconds acceptance_max{0};  ///< between a stamp and the outbox
};

enum class Command : std::uint8_t {
  kFlush,
  kPause,
  kResume,
  kNetworkChanged,
  kRetryOne,  ///< some dead letter
  kRetryAll,
  kDropOne,
  kDropPending,  ///< something that waits, most likely what is stuck
  kMendApi,      ///< it takes from now on what it refused for good
};

/// Everything that one run consists of.
struct Scenario {
  std::uint64_t seed = 0;
  ForemanOptions foreman;
  OutboxOptions outbox;
  std::uint64_t quota_bytes = 1ULL << 30;
  ApiOptions api;
  WriterOptions writers;
  FaultPlan::Options faults;
  std::vector<Trouble> troubles;
  CrashOptions crashes;
  ClockOptions clock;
  std::vector<std::pair<BootTime, Command>> commands;
};

/// Minutes to days of traffic, from a seed: every part of a scenario is sometimes absent, so that
/// what fails can be told from what merely happens beside it.
Scenario draw_scenario(std::uint64_t seed);

/// What the other side is like, for whoever reads a trace.
std::string render(const Scenario& scenario);

}  // namespace flowmyna::simulation
