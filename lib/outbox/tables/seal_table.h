#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/seal.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// The requests of an open outbox file that left or are about to: the table `seal` (schema.h).
/// Writes belong into the caller's transaction.
class SealTable {
 public:
  static Result<SealTable> prepare(const sqlite::Connection& connection);

  /// Gives the bytes of its row.
  Result<std::size_t> insert(const Seal& seal);

  struct Taken {
    bool was_there = false;
    std::optional<Seal> seal;  ///< nothing when its row is damaged
  };
  /// Removes it.
  Result<Taken> take(RequestId id);

  /// All of them, the oldest first; kCorrupt when one is damaged.
  Result<std::vector<Seal>> read();

 private:
  sqlite::Statement insert_, find_, remove_, read_;
};

}  // namespace flowmyna
