#include "outbox/damage_tables.h"

namespace flowmyna {

using sqlite::Statement;

Result<DamageTables> DamageTables::prepare(const sqlite::Connection& connection) {
  auto last =
      Statement::prepare(connection, "SELECT file, is_exact FROM damage ORDER BY at DESC LIMIT 1");
  if (!last) return tl::make_unexpected(last.error());
  auto find_lost =
      Statement::prepare(connection, "SELECT 1 FROM lost WHERE first <= ? AND last >= ? LIMIT 1");
  if (!find_lost) return tl::make_unexpected(find_lost.error());
  DamageTables tables;
  tables.last_ = *std::move(last);
  tables.find_lost_ = *std::move(find_lost);
  return tables;
}

Result<DamageTables::Damage> DamageTables::last() {
  const auto row = last_.start().step();
  if (!row) return tl::make_unexpected(row.error());
  Damage damage;
  if (*row) damage = {std::string(last_.blob(0)), last_.integer(1) != 0};
  last_.reset();
  return damage;
}

Result<bool> DamageTables::may_have_lost(Receipt receipt) {
  const auto number = static_cast<std::int64_t>(receipt);
  auto row = find_lost_.start().bind(number).bind(number).step();
  find_lost_.reset();
  return row;
}

}  // namespace flowmyna
