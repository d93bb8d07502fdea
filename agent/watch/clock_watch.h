#pragma once

#include <chrono>

#include "core/result.h"

namespace flowmyna {

/// Notices that the machine was suspended, by comparing two clocks: CLOCK_MONOTONIC stands still
/// meanwhile, CLOCK_BOOTTIME does not. Pure.
class SuspendDetector {
 public:
  using Time = std::chrono::milliseconds;

  /// Both clocks now: CLOCK_BOOTTIME, and CLOCK_MONOTONIC.
  SuspendDetector(Time boot, Time monotonic) : slept_(boot - monotonic) {}

  /// How long the machine slept since the last look; 0 for what is no more than the clocks' own
  /// inaccuracy, or the time between reading the one and the other.
  Time look(Time boot, Time monotonic) {
    const Time slept = boot - monotonic;
    const Time since = slept - slept_;
    if (since < kShortest) return Time(0);
    slept_ = slept;
    return since;
  }

 private:
  static constexpr Time kShortest{500};

  Time slept_;
};

/// Wakes up when the wall clock is set, or the machine resumes from suspend: a timer that never
/// expires, which the kernel cancels then (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
/// One thread uses it.
class ClockWatch {
 public:
  static Result<ClockWatch> open();
  ClockWatch(ClockWatch&& other) noexcept;
  ClockWatch& operator=(ClockWatch&&) = delete;
  ~ClockWatch();

  /// Becomes readable when the clock was set.
  int fd() const { return fd_; }
  /// Gets ready for the next change.
  void drain();
  /// How long the machine slept since the last call; 0 when it did not.
  SuspendDetector::Time slept();

 private:
  explicit ClockWatch(int fd);
  bool arm() const;

  int fd_ = -1;
  SuspendDetector detector_;
};

}  // namespace flowmyna
