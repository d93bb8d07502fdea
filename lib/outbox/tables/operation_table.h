#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/encoded_operations.h"
#include "core/window.h"
#include "outbox/sqlite/sqlite.h"
#include "outbox/tables/row.h"
#include "outbox/tables/row_insert.h"

namespace flowmyna {

/// Receipts, both ends included.
struct ReceiptRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// What is pending or sealed in an open outbox file: the table `operation` (schema.h). Writes
/// belong into the caller's transaction, which also keeps the counters. What is damaged is found
/// where it is read or removed, and is kCorrupt.
class OperationTable {
 public:
  static Result<OperationTable> prepare(const sqlite::Connection& connection);

  struct Appended {
    std::int64_t rows = 0;
    std::int64_t unsynced_from = 0;  ///< the first that has a boot stamp; 0 when none has
  };
  /// The operations get the receipts that follow `before`.
  Result<Appended> append(std::span<const AcceptedOperations> groups, std::int64_t before);
  /// Replaces an operation; whether it was there.
  Result<bool> rewrite(Receipt receipt, const OperationRow& row);
  /// The same without its time of acceptance, which stays. kCorrupt when it is not there.
  Result<void> rewrite(Receipt receipt, std::string_view stored);
  /// How many there were.
  Result<std::int64_t> remove(const ReceiptRange& range);
  /// For ranges, ascending, from which fewer rows were removed than there may have been. Where keys
  /// are damaged a search ends in the wrong place, and a row that stayed there would be delivered
  /// again: so the rows are gone through in order, from the oldest on. kCorrupt when one of these
  /// is still there.
  Result<void> expect_gone(const std::vector<ReceiptRange>& ranges);

  Result<bool> has(Receipt receipt);
  /// Whether it is here, and an event that has a boot stamp.
  Result<bool> is_stamped(Receipt receipt);
  /// `last` is the highest receipt that there may be.
  Result<Window> read(const ReadLimits& limits, Receipt last);
  /// kInvalid when one of them is not there.
  Result<Window> fetch(const std::vector<Receipt>& receipts);

 private:
  Result<void> add_row(Window& window, const ReadLimits& limits) const;

  sqlite::RowInsert insert_;
  sqlite::Statement rewrite_, remove_, read_, fetch_, walk_;
  std::string row_;  // the one that is being made
};

}  // namespace flowmyna
