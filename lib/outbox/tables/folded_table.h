#pragma once

#include "core/window.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// How many operations each row of an open outbox file stands for beside its own: the table
/// `folded` (schema.h). Which ones they are is in the fold map (fold_map.h). Writes belong into the
/// caller's transaction. As long as nothing was ever folded, nothing is asked of the disk: most
/// outboxes never see an outage that long.
class FoldedTable {
 public:
  static Result<FoldedTable> prepare(const sqlite::Connection& connection);

  /// How many were folded into the rows of a range, both ends included.
  Result<std::int64_t> behind(std::int64_t first, std::int64_t last);
  Result<void> add(Receipt row, std::int64_t operations);
  /// The rows were delivered.
  Result<void> forget(const std::vector<Receipt>& rows);
  /// The rows were folded into another, to which what they stood for is added.
  Result<void> merge(const std::vector<Receipt>& rows);
  /// The rows were dropped: they stand for nothing any more, but it shows that they did.
  Result<void> empty(const std::vector<Receipt>& rows);

  /// Rows into which this operation, which has none of its own, may have been folded by a version
  /// that did not write down which it folded.
  Result<std::vector<Receipt>> may_hold(Receipt receipt);

 private:
  sqlite::Statement insert_, sum_, remove_, empty_, find_unmapped_, find_;
  bool has_any_ = false;
  bool has_ranges_ = false;  // of such a version
};

/// What counts for rows that are gone, since they are lost or were dropped, becomes 0.
inline constexpr const char* kEmptyFoldedWithoutRow =
    "UPDATE folded SET operations = 0 WHERE operations > 0 AND "
    "seq NOT IN (SELECT seq FROM operation) AND seq NOT IN (SELECT seq FROM dead);";

}  // namespace flowmyna
