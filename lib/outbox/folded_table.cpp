#include "outbox/folded_table.h"

namespace flowmyna {

Result<FoldedTable> FoldedTable::prepare(const sqlite::Connection& connection) {
  FoldedTable table;
  auto prepared = sqlite::prepare(
      connection,
      {{table.insert_,
        "INSERT INTO folded(seq, last, operations) VALUES(?, ?, ?) ON CONFLICT(seq) DO UPDATE "
        "SET last = max(last, excluded.last), operations = operations + excluded.operations"},
       {table.sum_, "SELECT sum(operations), max(last) FROM folded WHERE seq BETWEEN ? AND ?"},
       {table.remove_, "DELETE FROM folded WHERE seq = ?"},
       {table.find_, "SELECT seq FROM folded WHERE seq < ? AND last >= ? LIMIT 1"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  const auto any = connection.integer("SELECT EXISTS(SELECT 1 FROM folded)");
  if (!any) return tl::make_unexpected(any.error());
  table.has_any_ = *any != 0;
  return table;
}

Result<FoldedTable::Folded> FoldedTable::behind(std::int64_t first, std::int64_t last) {
  if (!has_any_) return Folded{};
  const auto row = sum_.start().bind(first).bind(last).step();
  if (!row) return tl::make_unexpected(row.error());
  const Folded folded{sum_.integer(0), sum_.integer(1)};
  sum_.reset();
  return folded;
}

Result<void> FoldedTable::add(std::int64_t row, const Folded& folded) {
  has_any_ = true;
  return insert_.start().bind(row).bind(folded.last).bind(folded.operations).run();
}

Result<void> FoldedTable::forget(const std::vector<Receipt>& rows) {
  if (!has_any_) return {};
  for (const Receipt row : rows) {
    auto done = remove_.start().bind(static_cast<std::int64_t>(row)).run();
    if (!done) return done;
  }
  return {};
}

Result<Receipt> FoldedTable::row_of(Receipt receipt) {
  if (!has_any_) return 0;
  const auto number = static_cast<std::int64_t>(receipt);
  const auto row = find_.start().bind(number).bind(number).step();
  if (!row) return tl::make_unexpected(row.error());
  const Receipt found = *row ? static_cast<Receipt>(find_.integer(0)) : 0;
  find_.reset();
  return found;
}

}  // namespace flowmyna
