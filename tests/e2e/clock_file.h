#pragma once

#include <atomic>
#include <cstdint>

namespace flowmyna::test {

/// What a test tells the clock of the agent that it runs (clock_shim.cpp), in a file that both map.
struct ClockFile {
  std::atomic<std::int64_t> wall_off_by_ms;  ///< from the machine's own wall clock
  std::atomic<bool> is_synchronised;         ///< what the kernel says of it
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

/// Environment of the agent: the file above, and a file in the place of the kernel's boot_id.
inline constexpr const char* kClockFileVariable = "FLOWMYNA_TEST_CLOCK";
inline constexpr const char* kBootIdFileVariable = "FLOWMYNA_TEST_BOOT_ID";

}  // namespace flowmyna::test
