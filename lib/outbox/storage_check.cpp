#include "outbox/storage_check.h"

#include <algorithm>
#include <vector>

namespace flowmyna {
namespace {

/// What cannot be read is the disk's fault, and no invariant.
Result<std::string> unless_unreadable(const Error& error) {
  const bool is_of_disk = error.kind == Error::Kind::kIo || error.kind == Error::Kind::kCorrupt;
  if (is_of_disk) return tl::make_unexpected(error);
  return error.message;
}

std::string operation(Receipt receipt) {
  return "operation " + std::to_string(receipt);
}

/// Each sealed operation is in the backlog, and in one seal.
Result<std::string> broken_seals(Storage& storage) {
  const auto seals = storage.seals();
  if (!seals) return unless_unreadable(seals.error());
  std::vector<Receipt> sealed;
  for (const Seal& seal : *seals) {
    if (seal.items.empty()) return "seal " + std::to_string(seal.id) + " is of nothing";
    for (const ItemMembers& item : seal.items) {
      if (item.empty() || !std::ranges::is_sorted(item)) {
        return "seal " + std::to_string(seal.id) + " has an item without order or operations";
      }
      sealed.insert(sealed.end(), item.begin(), item.end());
    }
  }
  std::ranges::sort(sealed);
  const auto twice = std::ranges::adjacent_find(sealed);
  if (twice != sealed.end()) return operation(*twice) + " is sealed twice";
  const auto there = storage.fetch(sealed);
  if (!there) return unless_unreadable(there.error());
  return "";
}

/// The backlog is in order, and nothing in it is dead.
Result<std::string> broken_backlog(Storage& storage, const OutboxStats& stats) {
  ReadLimits limits;
  limits.operations_max = 1000;
  limits.bytes_max = 1U << 20;
  for (bool more = true; more;) {
    const auto window = storage.read(limits);
    if (!window) return unless_unreadable(window.error());
    for (const Window::Row& row : window->rows()) {
      if (row.receipt <= limits.after) return operation(row.receipt) + " is out of order";
      if (row.receipt > stats.last_receipt) return operation(row.receipt) + " was never accepted";
      limits.after = row.receipt;
      if (stats.dead == 0) continue;
      const auto letter = storage.dead_letter_of(row.receipt);
      if (!letter) return unless_unreadable(letter.error());
      if (*letter) return operation(row.receipt) + " waits, and is in a dead letter";
    }
    more = window->more;
  }
  return "";
}

}  // namespace

std::string broken_counters(const OutboxStats& stats) {
  const std::uint64_t gone = stats.delivered + stats.dead + stats.dropped + stats.lost;
  if (gone > stats.accepted) return "more operations have left than were accepted";
  if (stats.accepted > stats.last_receipt)
    return "more operations were accepted than receipts given";
  if (stats.unsynced_from > stats.last_receipt) return "times are to be corrected beyond the end";
  if (stats.unsynced_from == 0 && stats.unsynced_through != 0) {
    return "times are to be corrected from nowhere on";
  }
  return "";
}

Result<std::string> broken_equation(Storage& storage) {
  const OutboxStats stats = storage.stats();
  if (auto broken = broken_counters(stats); !broken.empty()) return broken;
  if (stats.is_partial) return "";  // a part of what is counted is still to be moved here
  const auto stored = storage.count_stored();
  if (!stored) return unless_unreadable(stored.error());
  if (*stored != stats.pending() + stats.dead) {
    return std::to_string(*stored) + " operations are stored where " +
           std::to_string(stats.pending()) + " are pending and " + std::to_string(stats.dead) +
           " dead";
  }
  return "";
}

Result<std::string> broken_invariant(Storage& storage) {
  for (const auto check : {&broken_equation, &broken_seals}) {
    if (auto broken = check(storage); !broken || !broken->empty()) return broken;
  }
  return broken_backlog(storage, storage.stats());
}

}  // namespace flowmyna
