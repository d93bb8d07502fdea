#pragma once

#include <cstdint>
#include <vector>

#include "delivery/foreman.h"
#include "faults.h"
#include "model_api.h"
#include "simulated_outbox.h"
#include "writers.h"

namespace flowmyna::simulation {

struct CrashOptions {
  std::size_t crashes_max = 0;
  double after_commit = 0;   ///< chance that a commit's answers are never heard
  double after_answer = 0;   ///< chance that an answer is the last thing that a process hears
  std::vector<BootTime> at;  ///< whatever happens then
  std::chrono::milliseconds downtime_max{600'000};
};

enum class Command : std::uint8_t {
  kFlush,
  kPause,
  kResume,
  kRetryOne,  ///< some dead letter
  kRetryAll,
  kDropOne,
  kMendApi,  ///< it takes from now on what it refused for good
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
  CrashOptions crashes;
  std::vector<std::pair<BootTime, Command>> commands;
};

/// Minutes to days of traffic, from a seed: every part of a scenario is sometimes absent, so that
/// what fails can be told from what merely happens beside it.
Scenario draw_scenario(std::uint64_t seed);

}  // namespace flowmyna::simulation
