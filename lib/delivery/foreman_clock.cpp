// What the foreman does once the clock is synchronised: the events that were stamped before get
// their right time before any of them is sealed.

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/clock_correction.h"
#include "delivery/foreman.h"

namespace flowmyna {

void Foreman::notice_clock() {
  const Receipt from = backlog_.stats().unsynced_from;
  const bool was_due = clock_is_due_;
  clock_is_due_ = from != 0 && clock_.is_synchronised();
  if (!clock_is_due_ || was_due) return;
  spdlog::info("the clock is synchronised: correcting the time of events from receipt {} on", from);
}

/// Nothing that was read is on its way to a seal. What is being sealed comes first in the outbox's
/// order, and is left as it is there.
bool Foreman::may_correct_clock() const {
  return clock_is_due_ && !correcting_ && !reader_.is_reading() &&
         std::ranges::none_of(requests_, [](const auto& entry) {
           return entry.second.phase == Phase::kFetching && !entry.second.is_sealed;
         });
}

void Foreman::correct_clock() {
  if (!clock_is_due_) return;
  reader_.plan_anew(0);
  if (!may_correct_clock()) return;
  correcting_ = true;
  backlog_.correct_clock(measure_correction(clock_), [this](const Result<void>& done) {
    post_([this, done] {
      correcting_ = false;
      if (!done) storage_retry_.refused("correct the time of events", done.error());
    });
  });
}

}  // namespace flowmyna
