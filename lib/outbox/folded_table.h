#pragma once

#include "core/outbox.h"
#include "outbox/sqlite.h"

namespace flowmyna {

/// Which rows of an open outbox file stand for several operations: the table `folded` (schema.h).
/// Writes belong into the caller's transaction. As long as nothing was ever folded, nothing is
/// asked of the disk: most outboxes never see an outage that long.
class FoldedTable {
 public:
  static Result<FoldedTable> prepare(const sqlite::Connection& connection);

  struct Folded {
    std::int64_t operations = 0;  ///< beside the rows' own
    std::int64_t last = 0;        ///< the highest receipt among them
  };
  /// What was folded into the rows of a range, both ends included.
  Result<Folded> behind(std::int64_t first, std::int64_t last);
  Result<void> add(std::int64_t row, const Folded& folded);
  /// The rows are gone for good.
  Result<void> forget(const std::vector<Receipt>& rows);
  /// A row into which this operation, which has none of its own, may have been folded; or 0.
  Result<Receipt> row_of(Receipt receipt);

 private:
  sqlite::Statement insert_, sum_, remove_, find_;
  bool has_any_ = false;
};

}  // namespace flowmyna
