#pragma once

#include <cstdint>
#include <vector>

#include "core/clock_correction.h"
#include "core/compaction.h"
#include "core/outbox_reader.h"
#include "core/seal.h"

namespace flowmyna {

/// The outbox as delivery sees it: what waits, and what was sealed.
class Backlog : public virtual OutboxReader {
 public:
  virtual void seals(Done<std::vector<Seal>> done) = 0;
  virtual void seal(std::vector<Seal> seals, Done<void> done) = 0;
  virtual void settle(std::vector<Settlement> settlements, Done<void> done) = 0;
  /// A step of the way from `stats().unsynced_from` to `unsynced_through`, on which the events of
  /// one boot get their right time, those in dead letters too. What is sealed is left as it is
  /// until it returns, and events of other boots.
  virtual void correct_clock(ClockCorrection correction, Done<void> done) = 0;
  /// Folds upserts of the backlog as the planner would, a step further at each call: what was
  /// looked at is not read again. Nothing that is planned may be sealed from what was read before.
  virtual void compact(CompactLimits limits, Done<Compacted> done) = 0;
  /// Gives up what is still pending of these, for a person or because another device has taken it
  /// over; gives how many operations that were. They count as dropped. Nothing that was planned may
  /// hold one of them.
  virtual void give_up(GiveUp what, Done<std::uint64_t> done) = 0;
};

}  // namespace flowmyna
