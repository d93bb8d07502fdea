#pragma once

#include <cstdint>

#include "outbox/sqlite.h"

namespace flowmyna {

/// Lifetime counters of an outbox, as in OutboxStats.
struct Counters {
  std::int64_t highest = 0;  ///< receipt
  std::int64_t delivered = 0;
  std::int64_t dead = 0;
  std::int64_t dropped = 0;
  std::int64_t coalesced = 0;
  std::int64_t requests = 0;
  std::int64_t duplicates_possible = 0;
  std::int64_t unsynced_from = 0;
  std::int64_t unsynced_through = 0;
  std::int64_t lost = 0;
  std::int64_t sealed_through = 0;  ///< no higher receipt was ever sealed
  std::int64_t skipped = 0;         ///< receipts up to the highest that were never given
  std::int64_t epoch = 0;
  std::int64_t doubtful_through = 0;
  std::int64_t accepted() const { return highest - skipped; }
  bool operator==(const Counters&) const = default;
};

/// The counters of an open outbox file: the table `state` (schema.h). Writes belong into the
/// caller's transaction.
class StateTable {
 public:
  static Result<StateTable> prepare(const sqlite::Connection& connection);

  /// What was accepted since they were saved is counted from the backlog.
  Result<Counters> load();
  /// All but `lost` and `skipped`, which only salvage makes more, and what is of the epoch
  /// (epoch.h).
  Result<void> save(const Counters& counters);

 private:
  sqlite::Statement load_, save_;
};

}  // namespace flowmyna
