// The foreman's first part: what it reads of the backlog and has folded there, and when.

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "delivery/foreman.h"

namespace flowmyna {

/// When the next window is due; nothing while there is nothing to read, or no use for it.
std::optional<BootTime> Foreman::read_due(BootTime at) const {
  const Receipt accepted = outbox_.stats().accepted;
  if (reading_ || compacting_ || is_building() || accepted <= cursor_ || allowance(at) == 0) {
    return std::nullopt;
  }
  if (clock_is_due_) return std::nullopt;
  if (schedule_.ready() >= options_.in_flight_max) return std::nullopt;
  // A full window has no room for more: until half of it has left, it would only be read again.
  if (full_window_ > 0 && schedule_.operations() > full_window_ / 2) return std::nullopt;
  // What is planned but blocked is planned again with the rest. So that this stays linear, either
  // as much has come as was planned, or some time has passed.
  const std::uint64_t unread = accepted - cursor_;
  BootTime due = storage_retry_at_;
  const bool hurried = cursor_ < flush_through_;
  if (!hurried && unread < std::max(options_.plan.items_max, schedule_.operations())) {
    due = std::max(due, unread_since_.value_or(at) + options_.linger);
    if (schedule_.operations() > 0) due = std::max(due, planned_at_ + options_.linger);
  }
  return due;
}

void Foreman::read_more(BootTime at) {
  if (outbox_.stats().accepted > cursor_ && !unread_since_) unread_since_ = at;
  const auto due = read_due(at);
  if (!due || *due > at) return;
  reading_ = true;
  ReadLimits limits;
  const Receipt lowest = schedule_.lowest();
  limits.after = lowest == 0 ? cursor_ : lowest - 1;
  limits.operations_max = options_.window_operations;
  limits.bytes_max = options_.window_bytes;
  limits.skip = taken_after(limits.after);
  const Receipt accepted_before = outbox_.stats().accepted;
  outbox_.read(std::move(limits), [this, accepted_before](Result<Window> window) {
    auto shared = std::make_shared<Result<Window>>(std::move(window));
    post_([this, accepted_before, shared] {
      reading_ = false;
      if (std::exchange(read_is_stale_, false)) return;
      if (*shared) {
        on_window(std::move(**shared), accepted_before);
      } else {
        outbox_refused("read the backlog", shared->error());
      }
    });
  });
}

/// The operations that are in requests, ascending.
std::vector<Receipt> Foreman::taken_after(Receipt receipt) const {
  std::vector<Receipt> taken;
  for (const auto& [id, request] : requests_) {
    for (const ItemMembers& item : request.seal.items) {
      std::ranges::copy_if(item, std::back_inserter(taken),
                           [&](Receipt member) { return member > receipt; });
    }
  }
  std::ranges::sort(taken);
  return taken;
}

/// While nothing can leave, the backlog is folded on disk. While something can, delivery coalesces
/// by itself; unless the outbox fills up all the same.
bool Foreman::wants_compaction(BootTime at) const {
  if (compacting_ || reading_ || at < storage_retry_at_) return false;
  if (waiters_.operations() > options_.compact_operations) return false;
  const OutboxStats stats = outbox_.stats();
  if (!pace_.has_enough(stats.accepted)) return false;
  const bool is_filling = stats.size_bytes > stats.quota_bytes / 4 * 3;
  if (is_filling) return true;
  if (pace_.is_pausing(stats.accepted, at)) return false;
  return gate_.state(at) != DeliveryState::kDelivering && allowance(at) == 0;
}

void Foreman::compact(BootTime at) {
  if (!wants_compaction(at)) return;
  compacting_ = true;
  drop_plan(0);  // what was read will not be what is there
  // Of what was answered later, the waits may still be on their way here.
  const Receipt through = answered_;
  CompactLimits limits{taken_after(0), options_.compact_operations, options_.compact_bytes,
                       through};
  waiters_.append_receipts(limits.taken);
  std::ranges::sort(limits.taken);
  outbox_.compact(std::move(limits), [this, through](const Result<Compacted>& compacted) {
    post_([this, through, compacted] {
      compacting_ = false;
      if (compacted) {
        answered_ = compacted->answered;
        pace_.ended(*compacted, through, outbox_.stats().accepted, now());
      } else {
        outbox_refused("compact the backlog", compacted.error());
        pace_.start_anew();
        pace_.pause_until(storage_retry_at_);
      }
    });
  });
}

void Foreman::on_window(Window window, Receipt accepted_before) {
  const Receipt last = window.empty() ? 0 : window.rows().back().receipt;
  const Receipt read_through = window.more ? last : std::max(last, accepted_before);
  full_window_ = window.more ? window.size() : 0;
  auto batch = Batch::read(std::move(window));
  if (!batch) {
    outbox_refused("read the backlog", batch.error());
    return;
  }
  std::vector<OutstandingRequest> outstanding;
  outstanding.reserve(requests_.size());
  for (const auto& [id, request] : requests_) outstanding.push_back({id, request.touches});
  auto planned =
      plan((*batch)->operations, outstanding, options_.plan, groups_of((*batch)->window));
  schedule_.load(*std::move(batch), std::move(planned));
  cursor_ = read_through;
  unread_since_.reset();
  planned_at_ = now();
}

bool Foreman::wants(std::uint64_t accepted) const {
  return accepted >= wanted_from_;
}

/// How many operations have to be accepted before one more makes a difference to `advance`; what
/// comes before that is met at the next deadline, or with a callback.
std::uint64_t Foreman::next_wanted(BootTime at, std::uint64_t accepted) const {
  if (reading_ || compacting_ || is_building()) return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t wanted = 0;
  if (allowance(at) == 0) {
    wanted = pace_.due_from(at);
  } else if (unread_since_) {
    wanted = cursor_ + std::max(options_.plan.items_max, schedule_.operations());
  }
  return std::max(wanted, accepted + 1);
}

}  // namespace flowmyna
