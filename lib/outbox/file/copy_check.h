#pragma once

#include <cstdint>

#include "outbox/sqlite/sqlite.h"
#include "outbox/tables/operation_table.h"

namespace flowmyna {

/// Reads a copy of an outbox, in steps of about a millisecond, as a start and delivery would: its
/// tables and counters, every pending operation with its checksum, every dead letter, and whether
/// there are as many as are counted, and what was folded into which.
class CopyCheck {
 public:
  /// `copy` must outlive it.
  static Result<CopyCheck> begin(const sqlite::Connection& copy);

  /// Whether there is more to do; an error says what is wrong with the copy.
  Result<bool> step();

  /// How many there are to check, and how many were.
  std::uint64_t operations() const { return static_cast<std::uint64_t>(counted_); }
  std::uint64_t checked() const { return static_cast<std::uint64_t>(found_); }

 private:
  enum class Stage { kPending, kDead, kFolded, kFoldMap };

  Result<bool> go_on();
  Result<bool> read_pending();
  Result<bool> read_fold_map();
  Result<bool> count(sqlite::Statement& rows);

  OperationTable operations_;
  sqlite::Statement dead_, folded_, fold_map_;
  Stage stage_ = Stage::kPending;
  std::int64_t after_ = 0;
  std::int64_t counted_ = 0;
  std::int64_t found_ = 0;
};

}  // namespace flowmyna
