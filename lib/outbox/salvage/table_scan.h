#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// What could not be read of a table.
struct Unread {
  /// Keys around unreadable pages, both ends included, ascending and apart. The keys of all rows
  /// that are missing between rows that were read are in them.
  struct Gap {
    std::int64_t first = 0;
    std::int64_t last = 0;
  };
  std::vector<Gap> gaps;
  /// Keys of rows that can be read but are not right: a row's own key, where the row can tell it;
  /// otherwise, since the key may be what is damaged, all keys between the nearest right rows on
  /// both sides. Ascending and apart.
  std::vector<Gap> doubtful;
  bool has_end = false;  ///< the end cannot be read either: it is unknown how many rows follow
  /// The key of the last row, when that can be read but is not right.
  std::optional<std::int64_t> last_damaged;
  bool is_nothing() const { return gaps.empty() && doubtful.empty() && !has_end; }
  /// Whether the table can have held no key beyond both those that were read and `through`.
  bool is_end_known(std::int64_t through) const;
  /// How many keys there are in the gaps.
  std::uint64_t keys() const;
  /// How many rows up to this key may be missing.
  std::int64_t rows_at_most(std::int64_t through) const;
};

/// What is done with the rows; the table's integer key is in column 0.
struct RowTaker {
  /// Whether a row is what was written there, as far as can be told.
  std::function<bool(const sqlite::Row&)> is_right;
  std::function<Result<void>(const sqlite::Row&)> take;
  /// The bytes of a row that begin with its checksum (row.h), in a table that has such.
  std::function<std::string_view(const sqlite::Row&)> checked = {};
  /// For such a row at the end: a key is unlikely if it is beyond this and far beyond the row
  /// before.
  std::int64_t likely_through = 0;
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
