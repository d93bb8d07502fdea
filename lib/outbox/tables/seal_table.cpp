#include "outbox/tables/seal_table.h"

#include "outbox/tables/row.h"

namespace flowmyna {

Result<SealTable> SealTable::prepare(const sqlite::Connection& connection) {
  SealTable table;
  auto prepared =
      sqlite::prepare(connection, {{table.insert_, "INSERT INTO seal(id, row) VALUES(?, ?)"},
                                   {table.find_, "SELECT row FROM seal WHERE id = ?"},
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

Result<SealTable::Taken> SealTable::take(RequestId id) {
  const auto number = static_cast<std::int64_t>(id);
  const auto row = find_.start().bind(number).step();
  if (!row) return tl::make_unexpected(row.error());
  Taken taken;
  taken.was_there = *row;
  if (*row) taken.seal = read_seal_row(id, find_.blob(0));
  find_.reset();
  auto done = remove_.start().bind(number).run();
  if (!done) return tl::make_unexpected(done.error());
  return taken;
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
