#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/backlog.h"
#include "core/clock.h"
#include "delivery/compaction_pace.h"
#include "delivery/foreman_options.h"
#include "delivery/post.h"
#include "delivery/storage_retry.h"

namespace flowmyna {

/// Folds the backlog on the disk, one step at a time. It knows when the backlog is worth a step;
/// whether delivery can spare one is for its owner to say.
class BacklogCompaction {
 public:
  /// What stands around it, and must outlive it.
  struct Sides {
    Backlog& backlog;
    const Clock& clock;
    const Post& post;
    StorageRetry& storage_retry;
  };

  BacklogCompaction(const ForemanOptions& options, const Sides& sides);

  bool is_under_way() const { return is_under_way_; }
  /// The outbox fills up: a step is due whatever can leave.
  bool is_pressing(const OutboxStats& stats) const;
  /// A step is due if nothing can leave.
  bool is_due(const OutboxStats& stats, BootTime now) const;
  /// How many operations have to be accepted in all before it is.
  std::uint64_t due_from(BootTime now) const { return pace_.due_from(now); }
  /// When a pause between two steps ends by itself.
  std::optional<BootTime> pause_ends(BootTime now) const { return pace_.pause_ends(now); }

  /// Takes a step. What is in `taken`, ascending, stays as it is; nothing else may be planned, or
  /// be read before it has ended.
  void begin(std::vector<Receipt> taken);
  /// Operations have come back: the next step begins with the oldest.
  void start_anew() { pace_.start_anew(); }

 private:
  void on_ended(Receipt through, const Result<Compacted>& compacted);

  const ForemanOptions& options_;
  Backlog& backlog_;
  const Clock& clock_;
  const Post& post_;
  StorageRetry& storage_retry_;

  CompactionPace pace_;
  bool is_under_way_ = false;
  Receipt answered_ = 0;  // whoever waits for what is up to here has said so
};

}  // namespace flowmyna
