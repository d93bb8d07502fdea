#pragma once

#include <cstddef>

#include "core/clock_correction.h"
#include "outbox/storage.h"

namespace flowmyna {

/// How much of the backlog one step looks at: few milliseconds of the outbox's thread, and a short
/// write-ahead log.
struct StepLimits {
  std::size_t operations_max = 500;
  std::size_t bytes_max = 256U << 10;
};

/// A step of the pass that corrects the times of events once the clock is synchronised; within a
/// transaction. It begins at `stats().unsynced_from` and moves that behind what it has looked at,
/// to 0 at the end; so the pass goes on where it was after a crash. Dead letters have their turn
/// between the operations that wait: a person may put them back at any time.
///
/// An event that is in a sealed request keeps its time as long as it is: the request may have left,
/// and has to go out again byte for byte. Once it returns or dies the storage names it for a pass
/// of its own (UnsyncedRange).
Result<void> correct_step(Storage& storage, const ClockCorrection& correction,
                          const StepLimits& limits = {});

}  // namespace flowmyna
