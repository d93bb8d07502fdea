#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/backoff.h"
#include "core/planner.h"

namespace flowmyna {

struct ForemanOptions {
  PlanOptions plan;
  BackoffOptions backoff;
  /// How long the first of a few operations waits for company; a full batch never waits.
  std::chrono::milliseconds linger{200};
  std::size_t in_flight_max = 8;
  /// How many requests of an endpoint may lie sealed: those that fail again and again wait here
  /// without holding up the others. Restarting reads them all, and each takes some hundred bytes.
  std::size_t sealed_max = 2000;
  std::uint32_t requests_per_minute_max = 1000;  ///< 0: no limit
  bool hold_unknown = false;                     ///< an event of unknown outcome waits for a person
  /// For so long at least an item is tried that the API fails by itself in a 200, before it is
  /// dead.
  std::chrono::milliseconds dead_letter_after{std::chrono::hours(1)};
  /// What is planned at once. More coalesces better; this much bounds memory.
  std::size_t window_operations = 10'000;
  std::size_t window_bytes = 4U << 20;
  /// What one step of compaction goes through, and what has to have come before there is one: many
  /// at a time write less to flash, few hold up writers for less.
  std::size_t compact_operations = 2048;
  std::size_t compact_bytes = 1U << 20;
  std::uint64_t seed = 0;  ///< of the jitter
};

}  // namespace flowmyna
