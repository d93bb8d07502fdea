// When the foreman folds the backlog on the disk, and when it wants to be told of what comes.

#include <algorithm>
#include <limits>

#include "delivery/foreman.h"

namespace flowmyna {

/// While nothing can leave, the backlog is folded on disk. While something can, delivery coalesces
/// by itself; unless the outbox fills up all the same.
bool Foreman::wants_compaction(BootTime at) const {
  if (compacting_ || reading_ || at < storage_retry_at_) return false;
  if (waiters_.operations() > options_.compact_operations) return false;
  const OutboxStats stats = backlog_.stats();
  if (!pace_.has_enough(stats.last_receipt)) return false;
  const bool is_filling = stats.size_bytes - stats.free_bytes > stats.quota_bytes / 4 * 3;
  if (is_filling) return true;
  if (pace_.is_pausing(stats.last_receipt, at)) return false;
  if (allows_any(at)) return false;
  return gate_.state(at) != DeliveryState::kDelivering ||
         std::ranges::all_of(endpoints_, [](const Endpoint& its) {
           return its.lane.state() != DeliveryState::kDelivering;
         });
}

void Foreman::compact(BootTime at) {
  if (!wants_compaction(at)) return;
  compacting_ = true;
  plan_anew(0);  // what was read will not be what is there
  // Of what was answered later, the waits may still be on their way here.
  const Receipt through = answered_;
  CompactLimits limits{taken_after(0, false), options_.compact_operations, options_.compact_bytes,
                       through};
  waiters_.append_receipts(limits.taken);
  std::ranges::sort(limits.taken);
  backlog_.compact(std::move(limits), [this, through](const Result<Compacted>& compacted) {
    post_([this, through, compacted] {
      compacting_ = false;
      if (compacted) {
        answered_ = compacted->answered;
        pace_.ended(*compacted, through, backlog_.stats().last_receipt, now());
      } else {
        outbox_refused("compact the backlog", compacted.error());
        pace_.start_anew();
        pace_.pause_until(storage_retry_at_);
      }
    });
  });
}

/// How many operations have to be accepted before one more makes a difference to `advance`; what
/// comes before that is met at the next deadline, or with a callback.
std::uint64_t Foreman::next_wanted(BootTime at, std::uint64_t accepted) const {
  if (reading_ || compacting_ || is_building()) return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t wanted = 0;
  if (!allows_any(at)) {
    wanted = pace_.due_from(at);
  } else if (unread_since_) {
    wanted = look_.cursor + std::max(options_.plan.items_max, schedule_.operations());
  }
  return std::max(wanted, accepted + 1);
}

}  // namespace flowmyna
