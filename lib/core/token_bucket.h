#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace flowmyna {

/// Keeps the requests of every 60 seconds under a limit, whenever those seconds begin: a tenth of
/// the limit may go at once, the rest is spread over the minute. Pure; times only move forward.
class TokenBucket {
 public:
  using Time = std::chrono::milliseconds;

  /// `per_minute` 0: no limit.
  explicit TokenBucket(std::uint32_t per_minute) : limited_(per_minute > 0) {
    capacity_ = std::max(1.0, per_minute / 10.0);
    per_ms_ = std::max(1.0, per_minute - capacity_) / 60'000.0;
    tokens_ = capacity_;
  }

  /// Takes a token, if there is one.
  bool take(Time now) {
    if (!limited_) return true;
    refill(now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  /// When the next token will be there.
  Time ready_at(Time now) {
    if (!limited_) return now;
    refill(now);
    if (tokens_ >= 1) return now;
    return now + Time(static_cast<std::int64_t>((1 - tokens_) / per_ms_) + 1);
  }

 private:
  void refill(Time now) {
    if (now <= last_) return;
    const auto elapsed_ms = static_cast<double>((now - last_).count());
    tokens_ = std::min(capacity_, tokens_ + elapsed_ms * per_ms_);
    last_ = now;
  }

  bool limited_;
  double capacity_ = 0;
  double per_ms_ = 0;
  double tokens_ = 0;
  Time last_{0};
};

}  // namespace flowmyna
