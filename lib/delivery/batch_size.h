#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "core/clock.h"

namespace flowmyna {

/// How large a request may be that the way to an endpoint carries: half of what did not arrive in
/// time, or was too large for somebody on the way. What works is kept for a while, for each try
/// with more costs a time-out; then it may be twice as much. Pure; times only move forward.
class BatchSize {
 public:
  explicit BatchSize(std::size_t bytes_max) : max_(bytes_max), limit_(bytes_max) {}

  std::size_t bytes_max() const { return limit_; }

  /// A request with a body of this size did not get through, and its size may be why.
  void was_too_much(std::size_t body_bytes, BootTime now) {
    limit_ = std::clamp(body_bytes / 2, std::min(kLeast, max_), limit_);
    changed_at_ = now;
  }
  /// A request of this size was answered.
  void passed(std::size_t body_bytes, BootTime now) {
    if (limit_ == max_ || body_bytes < limit_ / 2 || now < changed_at_ + kKept) return;
    limit_ = std::min(max_, limit_ * 2);
    changed_at_ = now;
  }

 private:
  // A few operations as they usually are: smaller requests cost more than they help.
  static constexpr std::size_t kLeast = 2048;
  static constexpr std::chrono::minutes kKept{10};

  std::size_t max_;
  std::size_t limit_;
  BootTime changed_at_{0};
};

}  // namespace flowmyna
