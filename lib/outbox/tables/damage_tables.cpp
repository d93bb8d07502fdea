#include "outbox/tables/damage_tables.h"

namespace flowmyna {

Result<DamageTables> DamageTables::prepare(const sqlite::Connection& connection) {
  DamageTables tables;
  auto prepared = sqlite::prepare(
      connection,
      {{tables.last_, "SELECT file, is_exact FROM damage ORDER BY at DESC LIMIT 1"},
       {tables.find_lost_, "SELECT 1 FROM lost WHERE first <= ? AND last >= ? LIMIT 1"},
       {tables.was_read_,
        "SELECT 1 FROM damage WHERE file = CAST(? AS TEXT) AND lost = 0 AND is_exact"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
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

Result<bool> DamageTables::was_read_whole(const std::string& file) {
  auto row = was_read_.start().bind(file).step();
  was_read_.reset();
  return row;
}

Result<bool> DamageTables::may_have_lost(Receipt receipt) {
  const auto number = static_cast<std::int64_t>(receipt);
  auto row = find_lost_.start().bind(number).bind(number).step();
  find_lost_.reset();
  return row;
}

}  // namespace flowmyna
