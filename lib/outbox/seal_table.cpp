#include "outbox/seal_table.h"

#include "outbox/row.h"

namespace flowmyna {

Result<SealTable> SealTable::prepare(const sqlite::Connection& connection) {
  SealTable table;
  auto prepared =
      sqlite::prepare(connection, {{table.insert_, "INSERT INTO seal(id, row) VALUES(?, ?)"},
                                   {table.remove_, "DELETE FROM seal WHERE id = ?"},
                                   {table.read_, "SELECT id, row FROM seal ORDER BY id"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  return table;
}

Result<std::size_t> SealTable::insert(const Seal& seal) {
  const std::string row = make_seal_row(seal);
  return insert_.start().bind(static_cast<std::int64_t>(seal.id)).bind(row).run().map([&row] {
    return row.size();
  });
}

Result<void> SealTable::remove(RequestId id) {
  return remove_.start().bind(static_cast<std::int64_t>(id)).run();
}

Result<std::vector<Seal>> SealTable::read() {
  std::vector<Seal> seals;
  read_.start();
  while (true) {
    const auto row = read_.step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return seals;
    const auto id = static_cast<RequestId>(read_.integer(0));
    auto seal = read_seal_row(id, read_.blob(1));
    if (!seal) {
      read_.reset();
      return fail(Error::Kind::kCorrupt, "seal " + std::to_string(id) + " is damaged");
    }
    seals.push_back(*std::move(seal));
  }
}

}  // namespace flowmyna
