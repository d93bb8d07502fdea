#pragma once

#include <cstdint>
#include <optional>

#include "core/clock.h"
#include "core/compaction.h"

namespace flowmyna {

/// When compaction takes its next step. A step holds up writers, so where it folds next to nothing
/// while they are busy there is one only now and then; it makes up for that once they have paused.
/// Pure; counts are those of all operations ever accepted, and times only move forward.
class CompactionPace {
 public:
  /// What one step goes through, and what has to have come before there is one.
  explicit CompactionPace(std::uint64_t step_operations) : step_operations_(step_operations) {}

  /// A step looked at what came after those before it, but not after `through`.
  void ended(const Compacted& step, Receipt through, std::uint64_t accepted, BootTime now);
  /// The next step begins with the oldest operation.
  void start_anew() { seen_ = 0; }
  /// There is none before then.
  void pause_until(BootTime at);

  bool has_enough(std::uint64_t accepted) const { return accepted - seen_ >= step_operations_; }
  bool is_pausing(std::uint64_t accepted, BootTime now) const {
    return now < again_at_ && accepted < again_from_;
  }
  /// When a pause ends by itself.
  std::optional<BootTime> pause_ends(BootTime now) const {
    return now < again_at_ ? std::optional(again_at_) : std::nullopt;
  }
  /// How many have to be accepted for a step.
  std::uint64_t due_from(BootTime now) const;

 private:
  std::uint64_t step_operations_;
  Receipt seen_ = 0;              // steps have looked at everything up to here
  BootTime again_at_{0};          // until then there is a pause, or
  std::uint64_t again_from_ = 0;  // until so many are accepted
  std::uint64_t accepted_ = 0;    // when the last step ended: writers are busy if it is more now
};

}  // namespace flowmyna
