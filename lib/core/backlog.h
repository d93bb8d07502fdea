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
  /// One step of the pass from `stats().unsynced_from` to `unsynced_through` that gives the events
  /// of one boot their right time, in dead letters too. Sealed events are left alone until they
  /// return to the backlog; events of other boots are not changed.
  virtual void correct_clock(ClockCorrection correction, Done<void> done) = 0;
  /// Folds upserts of the backlog as the planner would, one step per call; what a step has looked
  /// at is not read again. The caller must not seal anything that it planned from earlier reads.
  virtual void compact(CompactLimits limits, Done<Compacted> done) = 0;
  /// Drops what is still pending of these, for a person or because another device has taken it
  /// over, and gives how many operations that were. The caller must not have any of them in a plan.
  virtual void give_up(GiveUp what, Done<std::uint64_t> done) = 0;
};

}  // namespace flowmyna
