#pragma once

#include <cstdint>
#include <vector>

#include "core/planner.h"
#include "outbox/storage.h"

namespace flowmyna {

/// Compaction of the stored backlog by the planner's own rule: an upsert is folded into an earlier
/// one of its object when nothing touched the object in between, and nothing in between is dead: a
/// person may retry it, and it comes back to its old place. It goes through the backlog once,
/// oldest first, in steps that are a transaction each.
///
/// Between two steps it remembers of an object only the receipt of the upsert that the next one may
/// join, in a table of fixed size: an object that is pushed out of it costs a row more, never a
/// mistake. What the table says is checked against the row itself, which may have been delivered.
///
/// Rejected: an index of the backlog by object (written once more for every operation), and folding
/// at acceptance (every acceptance would read and rewrite a row somewhere in the file).
class Compactor {
 public:
  /// Of the options only those on touches and on the size of an item matter.
  explicit Compactor(PlanOptions options) : options_(std::move(options)) {}

  /// Within an open transaction. When that is not committed, or nobody can say whether it was,
  /// `revert` the step: what was known before it is true either way.
  Result<Compacted> step(Storage& storage, const CompactLimits& limits);
  /// Back to before the last step, if nothing else was done since.
  void revert();

  /// Starts anew at the oldest operation: something came back to the backlog at a place that was
  /// passed already.
  void reset();

 private:
  struct Slot {
    std::uint64_t object = 0;  ///< its hash
    Receipt open = 0;          ///< the upsert that the next one may join; 0: none
  };
  struct Change {
    std::size_t at = 0;
    Slot before;
  };
  /// Upserts of a window that may be folded into `target`, which may stand before the window.
  struct Group {
    Receipt target = 0;
    std::vector<std::size_t> rows;
  };

  const Slot& slot(std::uint64_t object) const { return slots_[object % slots_.size()]; }
  void set(const Slot& slot);
  void close(std::uint64_t object);
  std::vector<Group> group(const Window& window, const std::vector<Operation>& operations,
                           const CompactLimits& limits);
  Result<void> fold(Storage& storage, const Window& window,
                    const std::vector<Operation>& operations, const Group& group,
                    std::vector<Fold>& folds);

  PlanOptions options_;
  std::vector<Slot> slots_;  // empty before the first step
  Receipt looked_at_ = 0;
  std::vector<Change> changes_;  // of the last step, to be taken back from the end
  Receipt looked_at_before_ = 0;
};

}  // namespace flowmyna
