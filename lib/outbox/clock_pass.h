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
/// transaction. It begins at `stats().unsynced_from` and moves that past what it has looked at, or
/// to 0 at the end; so after a crash the pass goes on where it was. Dead letters have their turn
/// between the operations that wait: a person may put them back at any time.
///
/// An event in a sealed request keeps its time while it is sealed: the request may have left, and
/// has to go out again byte for byte. Once the event returns to the backlog or dies, the storage
/// notes it for another pass (UnsyncedRange).
Result<void> correct_step(Storage& storage, const ClockCorrection& correction,
                          const StepLimits& limits = {});

}  // namespace flowmyna
