#pragma once

#include <cstdint>

#include "outbox/sqlite.h"

namespace flowmyna {

/// Lifetime counters of an outbox, as in OutboxStats.
struct Counters {
  std::int64_t accepted = 0;
  std::int64_t delivered = 0;
  std::int64_t dead = 0;
  std::int64_t dropped = 0;
  std::int64_t coalesced = 0;
  std::int64_t requests = 0;
  std::int64_t duplicates_possible = 0;
  std::int64_t unsynced_from = 0;
  std::int64_t lost = 0;
  bool operator==(const Counters&) const = default;
};

/// The counters of an open outbox file: the table `state` (schema.h). Writes belong into the
/// caller's transaction.
class StateTable {
 public:
  static Result<StateTable> prepare(const sqlite::Connection& connection);

  /// What was accepted since they were saved is counted from the backlog.
  Result<Counters> load();
  /// All but `lost`, which only salvage makes more.
  Result<void> save(const Counters& counters);

 private:
  sqlite::Statement load_, save_;
};

}  // namespace flowmyna
