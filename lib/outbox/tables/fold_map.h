#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <vector>

#include "core/compaction.h"
#include "core/window.h"
#include "outbox/sqlite/sqlite.h"
#include "outbox/tables/row.h"

namespace flowmyna {

/// Which operations of an open outbox file were folded into others, and into which: the table
/// `fold_map` (schema.h). With it a receipt that has no row of its own tells exactly what became of
/// it: what became of the row that it names here, which may have been folded into another itself.
///
/// It is kept by receipt, some thousand to a row. A step of compaction goes through receipts in
/// their order, so it writes a row or two of it, however many objects it folds and however often
/// each was folded before; and what is folded into another, buried or dropped changes nothing here.
/// Rejected: a list for each surviving row, which has to be rewritten as it grows or, kept in
/// pieces, changes a page for each object in each step.
///
/// What was delivered is forgotten later, a few rows at a time: an operation that is not named here
/// and has no row was delivered. Writes belong into the caller's transaction.
class FoldMap {
 public:
  static Result<FoldMap> prepare(const sqlite::Connection& connection);

  /// Notes a fold of the open transaction; `write` brings it into the table.
  void note(const Fold& fold);
  /// How many rows were written.
  Result<std::size_t> write();
  /// Forgets what was noted.
  void discard() { noted_.clear(); }

  /// The operation into which this one was folded; 0: none that is still undelivered.
  Result<Receipt> row_of(Receipt receipt);

  /// Some of what it names was delivered.
  void note_delivery();
  /// Whether everything was gone through since.
  bool is_clean() const { return is_clean_; }
  using IsDelivered = std::function<Result<bool>(Receipt row)>;
  /// Goes through some further rows, and forgets what was delivered.
  Result<void> clean(std::size_t rows_max, const IsDelivered& is_delivered);

 private:
  using Folded = std::vector<FoldedReceipt>;

  Result<Folded> read(Receipt map);
  Result<void> save(Receipt map, const Folded& folded);
  Result<bool> clean_next(const IsDelivered& is_delivered);

  sqlite::Statement find_, next_, save_, remove_;
  std::map<Receipt, Folded> noted_;  // by row of the table
  bool is_clean_ = true;
  bool delivered_since_ = false;  // since the first row was gone through
  Receipt cleaned_through_ = 0;
};

}  // namespace flowmyna
