#pragma once

#include <chrono>
#include <cstdint>

namespace flowmyna {

/// Time since boot, suspend included (CLOCK_BOOTTIME): what every timer uses. It never jumps.
using BootTime = std::chrono::milliseconds;

/// The one seam to time. Any thread may call.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual BootTime boot_now() const = 0;
  /// The wall clock, in Unix milliseconds: for people and for the API, never for order.
  virtual std::int64_t unix_now_ms() const = 0;
};

}  // namespace flowmyna
