#pragma once

#include <cstdint>
#include <string>

#include "core/counters.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// Its lifetime counters, and what else an open outbox keeps of itself.
struct SavedState : Counters {
  std::int64_t highest = 0;  ///< receipt
  std::int64_t unsynced_from = 0;
  std::int64_t unsynced_through = 0;
  std::int64_t sealed_through = 0;  ///< no higher receipt was ever sealed
  std::int64_t skipped = 0;         ///< receipts up to the highest that were never given
  std::int64_t epoch = 0;
  std::int64_t doubtful_through = 0;
  std::int64_t accepted() const { return highest - skipped; }
  /// As in OutboxMark.
  std::int64_t settled() const {
    return static_cast<std::int64_t>(requests + delivered + dropped + lost);
  }
  bool operator==(const SavedState&) const = default;
};

/// The columns of all counters, each with a comma before it.
std::string counter_columns();

/// The table `state` (schema.h) of an open outbox file. Writes belong into the caller's
/// transaction.
class StateTable {
 public:
  static Result<StateTable> prepare(const sqlite::Connection& connection);

  /// What was accepted since it was saved is counted from the backlog.
  Result<SavedState> load();
  /// All but `lost` and `skipped`, which only salvage increases, and the columns of the epoch
  /// (epoch.h).
  Result<void> save(const SavedState& state);

 private:
  sqlite::Statement load_, save_;
};

}  // namespace flowmyna
