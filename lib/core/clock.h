#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace flowmyna {

/// Time since boot, suspend included (CLOCK_BOOTTIME): what every timer uses. It never jumps.
using BootTime = std::chrono::milliseconds;

/// Tells one boot of the machine from every other.
using BootId = std::uint64_t;

/// A moment of one boot, which no setting of the wall clock moves.
struct BootStamp {
  BootId boot = 0;
  BootTime at{0};
  bool operator==(const BootStamp&) const = default;
};

/// The one seam to time. Any thread may call.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual BootTime boot_now() const = 0;
  /// The wall clock, in Unix milliseconds: for people and for the API, never for order.
  virtual std::int64_t unix_now_ms() const = 0;
  /// The wall clock was synchronised since the machine was booted. Stays true once it was: a clock
  /// that is set by hand later, or loses its source for some hours, is not an unset clock.
  virtual bool is_synchronised() const = 0;
  virtual BootId boot_id() const = 0;
};

/// When an operation is accepted.
struct AcceptanceTime {
  std::int64_t unix_ms = 0;
  std::optional<BootStamp> boot;  ///< while the wall clock is not synchronised
};

inline AcceptanceTime acceptance_time(const Clock& clock) {
  // In this order: a clock that is synchronised in between is right already.
  const bool is_synchronised = clock.is_synchronised();
  AcceptanceTime time{clock.unix_now_ms(), {}};
  if (!is_synchronised) time.boot = BootStamp{clock.boot_id(), clock.boot_now()};
  return time;
}

}  // namespace flowmyna
