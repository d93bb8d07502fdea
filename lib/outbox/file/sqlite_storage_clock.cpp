// Events that were stamped before the clock was synchronised: where they are, and their right time.

#include "outbox/file/sqlite_storage.h"

namespace flowmyna {

Result<void> SqliteStorage::rewrite(Receipt receipt, const CorrectedEvent& event) {
  appended_bytes_ += event.stored.size();
  const OperationRow row{event.accepted_unix_s, event.stored};
  const auto is_pending = open_->operations.rewrite(receipt, row);
  if (!is_pending) return tl::make_unexpected(is_pending.error());
  return *is_pending ? Result<void>{} : open_->letters.rewrite(receipt, row);
}

UnsyncedRange SqliteStorage::unsynced() const {
  return {static_cast<Receipt>(counters_.unsynced_from),
          static_cast<Receipt>(counters_.unsynced_through)};
}

void SqliteStorage::set_unsynced(const UnsyncedRange& range) {
  counters_.unsynced_from = static_cast<std::int64_t>(range.from);
  counters_.unsynced_through = static_cast<std::int64_t>(range.through);
}

/// The pass may have passed these while they were in a request; now they can get their right time.
Result<void> SqliteStorage::note_returned(const Seal& seal, const Settlement& settlement) {
  UnsyncedRange range = unsynced();
  for (const Receipt receipt : returned_events(seal, settlement)) {
    const auto is_stamped = this->is_stamped(receipt);
    if (!is_stamped) return tl::make_unexpected(is_stamped.error());
    if (*is_stamped) range.returned(receipt);
  }
  set_unsynced(range);
  return {};
}

Result<bool> SqliteStorage::is_stamped(Receipt receipt) {
  auto is_pending = open_->operations.is_stamped(receipt);
  return !is_pending || *is_pending ? is_pending : open_->letters.is_stamped(receipt);
}

}  // namespace flowmyna
