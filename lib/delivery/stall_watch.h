#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "delivery/connections.h"

namespace flowmyna {

/// Tells when a request has stood still for too long. Its time counts from the last progress, so
/// that a large batch may take as long over a slow link as it takes: what the peer acknowledges is
/// progress too, since most of a request lies in the kernel's buffer soon after it was begun.
/// Whoever trickles, to hold a request for ever, has `kAllInAll` times as long for all of it.
///
/// Progress counts from when it is seen, which is up to an eighth of the limit late.
class StallWatch {
 public:
  /// libcurl measures on the same clock. It stands still while the machine sleeps.
  using Monotonic = std::chrono::steady_clock;
  using Time = Monotonic::time_point;
  enum class Finding : std::uint8_t { kMoves, kStandsStill, kTakesTooLong };

  static constexpr int kAllInAll = 10;

  explicit StallWatch(std::chrono::milliseconds limit) : limit_(limit) {}

  /// The request leaves, perhaps not for the first time.
  void begin(Time now, const Progress& progress) {
    if (!is_on_) ends_at_ = now + kAllInAll * limit_;
    is_on_ = true;
    note(now, progress);
  }
  /// Before `begin` nothing is late.
  Time next_look() const { return is_on_ ? next_look_ : Time::max(); }
  Finding look(Time now, const Progress& progress) {
    if (now >= ends_at_) return Finding::kTakesTooLong;
    if (progress != progress_) note(now, progress);
    next_look_ = std::min({now + limit_ / kLooks, moved_at_ + limit_, ends_at_});
    return now >= moved_at_ + limit_ ? Finding::kStandsStill : Finding::kMoves;
  }

 private:
  static constexpr int kLooks = 8;

  void note(Time now, const Progress& progress) {
    progress_ = progress;
    moved_at_ = now;
    next_look_ = now + limit_ / kLooks;
  }

  std::chrono::milliseconds limit_;
  bool is_on_ = false;
  Progress progress_;
  Time moved_at_;
  Time next_look_;
  Time ends_at_ = Time::max();
};

}  // namespace flowmyna
