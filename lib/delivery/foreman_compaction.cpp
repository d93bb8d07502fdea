// When the foreman folds the backlog on the disk.

#include <algorithm>

#include "delivery/foreman.h"

namespace flowmyna {

/// While nothing can leave, the backlog is folded on disk. While something can, delivery coalesces
/// by itself; unless the outbox fills up all the same.
bool Foreman::wants_compaction(BootTime at) const {
  if (compaction_.is_under_way() || reader_.is_reading() || at < storage_retry_.at()) return false;
  if (waiters_.operations() > options_.compact_operations) return false;
  const OutboxStats stats = backlog_.stats();
  if (compaction_.is_pressing(stats)) return true;
  if (!compaction_.is_due(stats, at) || allows_any(at)) return false;
  return gate_.state(at) != DeliveryState::kDelivering ||
         std::ranges::all_of(endpoints_, [](const Endpoint& its) {
           return its.lane.state() != DeliveryState::kDelivering;
         });
}

void Foreman::compact(BootTime at) {
  if (!wants_compaction(at)) return;
  reader_.plan_anew(0);  // what was read will not be what is there
  std::vector<Receipt> taken;
  append_receipts(requests_, taken);
  waiters_.append_receipts(taken);
  std::ranges::sort(taken);
  compaction_.begin(std::move(taken));
}

}  // namespace flowmyna
