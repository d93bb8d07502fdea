#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "outbox/sqlite.h"

namespace flowmyna {

/// What could not be read of a table.
struct Unread {
  /// Keys around unreadable pages, both ends included, ascending and apart: all rows that are
  /// missing between rows that were read have theirs among them.
  struct Gap {
    std::int64_t first = 0;
    std::int64_t last = 0;
  };
  std::vector<Gap> gaps;
  bool has_end = false;  ///< neither can the end be read: nobody knows how many rows follow
  bool is_nothing() const { return gaps.empty() && !has_end; }
  std::uint64_t keys() const;
};

/// What is done with the rows; the table's integer key is in column 0.
struct RowTaker {
  /// Whether a row is what was written there, as far as can be told.
  std::function<bool(const sqlite::Row&)> is_right;
  std::function<Result<void>(const sqlite::Row&)> take;
};

/// Which keys to read, both ends included.
struct KeyRange {
  std::int64_t first = 1;
  std::int64_t last = std::numeric_limits<std::int64_t>::max();
};

/// Reads what can be read of a table of a damaged file, in no order, some rows twice or more: from
/// both ends up to a page that cannot be read, and then the range between them in halves, the wide
/// ones first. A row that stands out of order is not taken: it is of another time or place.
/// `columns` follow the key. Ends with the error of `take`, if there is one; what the file does not
/// let read is no error. A table that the file does not have is empty.
Result<Unread> scan(const sqlite::Connection& file, const std::string& table,
                    const std::string& key, const std::string& columns, const RowTaker& rows,
                    const KeyRange& keys = {});

}  // namespace flowmyna
