#pragma once

#include <optional>

#include "core/dead_letter.h"
#include "core/outbox.h"
#include "core/seal.h"
#include "outbox/sqlite/sqlite.h"
#include "outbox/tables/row.h"

namespace flowmyna {

/// All of a letter's operations.
std::vector<Receipt> receipts_of(const DeadLetter& letter);

/// The dead letters of an open outbox file: the tables `letter`, `dead` and `dropped` (schema.h).
/// Writes belong into the caller's transaction, which also keeps the counters.
class LetterTables {
 public:
  static Result<LetterTables> prepare(const sqlite::Connection& connection);

  /// Copies the item's operations out of the backlog into a letter of their own; the caller deletes
  /// them there. Those that the backlog does not hold any more are left out.
  Result<void> bury(const DeadItem& item);
  Result<RetriedLetters> retry(const LetterLimits& limits);
  Result<DeadLetters> drop(const LetterLimits& limits);

  Result<DeadLetters> read(const LetterLimits& limits);
  Result<std::optional<DeadLetter>> holding(Receipt receipt);
  /// Replaces an operation; nothing happens when it is in no letter.
  Result<void> rewrite(Receipt receipt, const OperationRow& row);
  /// Whether it is in a letter, and an event that has a boot stamp.
  Result<bool> is_stamped(Receipt receipt);
  Result<bool> has_dead_between(Receipt after, Receipt before);
  /// Of an operation that is not in the backlog: dead, dropped or delivered.
  Result<ReceiptState> state(Receipt receipt);
  /// Of operations that are neither here nor in the backlog any more: a person gave them up.
  Result<void> remember_dropped(std::vector<Receipt> receipts);

 private:
  Result<void> read_operations(DeadLetter& letter);
  Result<void> remove(Receipt letter);
  Result<void> remember_dropped(Receipt first, Receipt last);

  sqlite::Statement insert_letter_, insert_dead_, find_dead_, find_dead_between_;
  sqlite::Statement read_letters_, read_dead_, find_row_, rewrite_;
  sqlite::Statement return_dead_, remove_dead_, remove_letter_;
  sqlite::Statement dropped_before_, put_dropped_, remove_dropped_;
};

}  // namespace flowmyna
