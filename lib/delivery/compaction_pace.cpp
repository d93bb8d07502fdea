#include "delivery/compaction_pace.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace flowmyna {
namespace {

// A step that folds fewer than one row in so many was not worth the writers' while.
constexpr std::uint64_t kFruitlessFactor = 16;

// The pause after such a step ends after so long, or once so many times what a step goes through
// has come.
constexpr std::chrono::milliseconds kPause{250};
constexpr std::uint64_t kPauseSteps = 16;

}  // namespace

void CompactionPace::ended(const Compacted& step, Receipt through, std::uint64_t accepted,
                           BootTime now) {
  if (!step.more) seen_ = through;
  std::uint64_t folded = 0;
  for (const Fold& fold : step.folds) folded += fold.members.size();
  const bool are_writers_busy = accepted != std::exchange(accepted_, accepted);
  const bool pauses = are_writers_busy && folded * kFruitlessFactor < step.rows;
  again_at_ = pauses ? now + kPause : BootTime{0};
  again_from_ = accepted + kPauseSteps * step_operations_;
}

void CompactionPace::pause_until(BootTime at) {
  again_at_ = at;
  again_from_ = std::numeric_limits<std::uint64_t>::max();
}

std::uint64_t CompactionPace::due_from(BootTime now) const {
  const std::uint64_t enough = seen_ + step_operations_;
  return now < again_at_ ? std::max(enough, again_from_) : enough;
}

}  // namespace flowmyna
