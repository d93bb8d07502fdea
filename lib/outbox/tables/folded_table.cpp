#include "outbox/tables/folded_table.h"

namespace flowmyna {

Result<FoldedTable> FoldedTable::prepare(const sqlite::Connection& connection) {
  FoldedTable table;
  auto prepared = sqlite::prepare(
      connection,
      {{table.insert_,
        "INSERT INTO folded(seq, last, operations) VALUES(?, 0, ?) ON CONFLICT(seq) DO UPDATE "
        "SET operations = operations + excluded.operations"},
       {table.sum_, "SELECT sum(operations) FROM folded WHERE seq BETWEEN ? AND ?"},
       {table.remove_, "DELETE FROM folded WHERE seq = ?"},
       {table.empty_, "UPDATE folded SET operations = 0 WHERE seq = ?"},
       {table.find_unmapped_,
        "SELECT last FROM unmapped WHERE first <= ? ORDER BY first DESC LIMIT 1"},
       {table.find_, "SELECT seq FROM folded WHERE seq < ? AND last >= ?"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  const auto any = connection.integer("SELECT EXISTS(SELECT 1 FROM folded)");
  if (!any) return tl::make_unexpected(any.error());
  table.has_any_ = *any != 0;
  const auto ranges = connection.integer("SELECT EXISTS(SELECT 1 FROM folded WHERE last > 0)");
  if (!ranges) return tl::make_unexpected(ranges.error());
  table.has_ranges_ = *ranges != 0;
  return table;
}

Result<std::int64_t> FoldedTable::behind(std::int64_t first, std::int64_t last) {
  if (!has_any_) return 0;
  const auto row = sum_.start().bind(first).bind(last).step();
  if (!row) return tl::make_unexpected(row.error());
  const std::int64_t operations = sum_.integer(0);
  sum_.reset();
  return operations;
}

Result<void> FoldedTable::add(Receipt row, std::int64_t operations) {
  has_any_ = true;
  return insert_.start().bind(static_cast<std::int64_t>(row)).bind(operations).run();
}

Result<void> FoldedTable::forget(const std::vector<Receipt>& rows) {
  if (!has_any_) return {};
  for (const Receipt row : rows) {
    auto done = remove_.start().bind(static_cast<std::int64_t>(row)).run();
    if (!done) return done;
  }
  return {};
}

/// Where a range was, it still is one of which nobody knows.
Result<void> FoldedTable::merge(const std::vector<Receipt>& rows) {
  return has_ranges_ ? empty(rows) : forget(rows);
}

Result<void> FoldedTable::empty(const std::vector<Receipt>& rows) {
  if (!has_any_) return {};
  for (const Receipt row : rows) {
    auto done = empty_.start().bind(static_cast<std::int64_t>(row)).run();
    if (!done) return done;
  }
  return {};
}

Result<std::vector<Receipt>> FoldedTable::may_hold(Receipt receipt) {
  std::vector<Receipt> rows;
  if (!has_ranges_) return rows;
  const auto number = static_cast<std::int64_t>(receipt);
  const auto range = find_unmapped_.start().bind(number).step();
  if (!range) return tl::make_unexpected(range.error());
  const bool is_unmapped = *range && find_unmapped_.integer(0) >= number;
  find_unmapped_.reset();
  if (!is_unmapped) return rows;
  find_.start().bind(number).bind(number);
  while (true) {
    const auto row = find_.step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return rows;
    rows.push_back(static_cast<Receipt>(find_.integer(0)));
  }
}

}  // namespace flowmyna
