#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flowmyna {

/// The number of an accepted operation, from 1 upwards in the order of acceptance. There is no gap,
/// unless an older copy of the outbox was put back or it is not known any more which numbers were
/// given: then they go on far beyond all of those (OutboxStats::epoch). It is the receipt that a
/// writer gets, and the order that delivery keeps.
using Receipt = std::uint64_t;

/// A part of the backlog, oldest first. Rows point into one buffer, so a window costs few
/// allocations whatever it holds.
class Window {
 public:
  struct Row {
    Receipt receipt = 0;
    std::int64_t accepted_unix_s = 0;  ///< wall clock at acceptance; for people, never for order
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  std::size_t bytes() const { return bytes_.size(); }
  const std::vector<Row>& rows() const { return rows_; }
  std::string_view stored(const Row& row) const {
    return std::string_view(bytes_).substr(row.begin, row.size);
  }
  /// Room for so many rows, and for what they hold if it is short.
  void reserve(std::size_t rows, std::size_t bytes_max) {
    rows_.reserve(rows);
    bytes_.reserve(std::min(bytes_max, rows * kUsualRowBytes));
  }
  void add(Receipt receipt, std::int64_t accepted_unix_s, std::string_view stored) {
    rows_.push_back({receipt, accepted_unix_s, bytes_.size(), stored.size()});
    bytes_.append(stored);
  }
  /// Adds the rows that follow.
  void append(const Window& next) {
    for (const Row& row : next.rows_) add(row.receipt, row.accepted_unix_s, next.stored(row));
    more = next.more;
  }
  /// The backlog goes on after the last row.
  bool more = false;

 private:
  static constexpr std::size_t kUsualRowBytes = 256;

  std::string bytes_;
  std::vector<Row> rows_;
};

struct ReadLimits {
  Receipt after = 0;          ///< rows up to this one are not read
  std::vector<Receipt> skip;  ///< ascending; rows to leave out
  std::size_t operations_max = 0;
  std::size_t bytes_max = 0;  ///< at least one row is read, whatever its size
};

}  // namespace flowmyna
