#include "outbox/tables/arrival_table.h"

namespace flowmyna {

Result<ArrivalTable> ArrivalTable::prepare(const sqlite::Connection& connection) {
  ArrivalTable table;
  auto prepared = sqlite::prepare(
      connection, {{table.note_,
                    "INSERT INTO arrival(export, source, through, lines) "
                    "VALUES(CAST(? AS TEXT), CAST(? AS TEXT), ?, ?) "
                    "ON CONFLICT(export) DO UPDATE SET lines = excluded.lines"},
                   {table.lines_, "SELECT lines FROM arrival WHERE export = CAST(? AS TEXT)"},
                   {table.other_,
                    "SELECT max(through) FROM arrival WHERE source = CAST(? AS TEXT) "
                    "AND export <> CAST(? AS TEXT)"},
                   {table.id_, "SELECT outbox FROM state WHERE id = 1"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  return table;
}

Result<void> ArrivalTable::note(const Arrival& piece) {
  return note_.start()
      .bind(piece.export_id)
      .bind(piece.source)
      .bind(static_cast<std::int64_t>(piece.through))
      .bind(static_cast<std::int64_t>(piece.first_line + piece.lines - 1))
      .run();
}

Result<Arrived> ArrivalTable::find(std::string_view export_id, std::string_view source) {
  Arrived arrived;
  const auto row = lines_.start().bind(export_id).step();
  if (row && *row) arrived.lines = static_cast<std::uint64_t>(lines_.integer(0));
  lines_.reset();
  if (!row) return tl::make_unexpected(row.error());
  const auto other = other_.start().bind(source).bind(export_id).step();
  if (other && *other) arrived.other_through = static_cast<Receipt>(other_.integer(0));
  other_.reset();
  if (!other) return tl::make_unexpected(other.error());
  return arrived;
}

Result<std::string> ArrivalTable::id() {
  const auto row = id_.start().step();
  std::string name(row && *row ? id_.blob(0) : std::string_view());
  id_.reset();
  if (!row) return tl::make_unexpected(row.error());
  return name;
}

}  // namespace flowmyna
