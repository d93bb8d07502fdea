#include "delivery/backlog_compaction.h"

#include <utility>

namespace flowmyna {

BacklogCompaction::BacklogCompaction(const ForemanOptions& options, const Sides& sides)
    : options_(options),
      backlog_(sides.backlog),
      clock_(sides.clock),
      post_(sides.post),
      storage_retry_(sides.storage_retry),
      pace_(options.compact_operations) {}

bool BacklogCompaction::is_pressing(const OutboxStats& stats) const {
  const bool is_filling = stats.size_bytes - stats.free_bytes > stats.quota_bytes / 4 * 3;
  return is_filling && pace_.has_enough(stats.last_receipt);
}

bool BacklogCompaction::is_due(const OutboxStats& stats, BootTime at) const {
  return pace_.has_enough(stats.last_receipt) && !pace_.is_pausing(stats.last_receipt, at);
}

void BacklogCompaction::begin(std::vector<Receipt> taken) {
  is_under_way_ = true;
  // Of what was answered later, the waits may still be on their way here.
  const Receipt through = answered_;
  CompactLimits limits{std::move(taken), options_.compact_operations, options_.compact_bytes,
                       through};
  backlog_.compact(std::move(limits), [this, through](const Result<Compacted>& compacted) {
    post_([this, through, compacted] { on_ended(through, compacted); });
  });
}

void BacklogCompaction::on_ended(Receipt through, const Result<Compacted>& compacted) {
  is_under_way_ = false;
  if (compacted) {
    answered_ = compacted->answered;
    pace_.ended(*compacted, through, backlog_.stats().last_receipt, clock_.boot_now());
  } else {
    storage_retry_.refused("compact the backlog", compacted.error());
    pace_.start_anew();
    pace_.pause_until(storage_retry_.at());
  }
}

}  // namespace flowmyna
