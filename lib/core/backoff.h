#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace flowmyna {

/// Exponential back-off with full jitter, never below its first step: the wait before attempt n is
/// uniform between `initial` and min(`max`, `initial` * 2^n). (Full jitter down to zero was
/// rejected: a flapping network would be met with a burst.) Source: "Exponential Backoff And
/// Jitter", AWS Architecture Blog, 2015.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds initial, std::chrono::milliseconds max, std::uint64_t seed)
      : initial_(initial), max_(max), random_(seed) {}

  /// The wait before the next attempt; each call widens the range, until `reset`.
  std::chrono::milliseconds next();
  void reset() { failures_ = 0; }
  std::uint32_t failures() const { return failures_; }

 private:
  std::chrono::milliseconds initial_;
  std::chrono::milliseconds max_;
  std::uint32_t failures_ = 0;
  std::mt19937_64 random_;
};

}  // namespace flowmyna
