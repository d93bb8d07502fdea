#include "outbox/state_table.h"

#include "outbox/epoch.h"

namespace flowmyna {

static_assert(kEpochReceipts == std::int64_t{1} << 40, "as in the query below");

Result<StateTable> StateTable::prepare(const sqlite::Connection& connection) {
  StateTable table;
  auto prepared = sqlite::prepare(
      connection,
      {{table.load_,
        "SELECT max(accepted, coalesce((SELECT max(seq) FROM operation), 0)), delivered, dead, "
        "dropped, coalesced, requests, duplicates_possible, unsynced_from, unsynced_through, lost, "
        "sealed_through, "
        "skipped, epoch, "
        // What was skipped when the last epoch began, and nothing else, ends so.
        "coalesce((SELECT max(first) - 1 FROM lost WHERE last % (1 << 40) = 0 AND epoch <> 0), 0) "
        "FROM state WHERE id = 1"},
       {table.save_,
        "UPDATE state SET accepted = ?, delivered = ?, dead = ?, dropped = ?, coalesced = ?, "
        "requests = ?, duplicates_possible = ?, unsynced_from = ?, unsynced_through = ?, "
        "sealed_through = ? "
        "WHERE id = 1"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  return table;
}

Result<Counters> StateTable::load() {
  const auto row = load_.start().step();
  if (!row) return tl::make_unexpected(row.error());
  if (!*row) return fail(Error::Kind::kCorrupt, "the outbox has lost its counters");
  const Counters counters = {
      load_.integer(0),  load_.integer(1),  load_.integer(2),  load_.integer(3), load_.integer(4),
      load_.integer(5),  load_.integer(6),  load_.integer(7),  load_.integer(8), load_.integer(9),
      load_.integer(10), load_.integer(11), load_.integer(12), load_.integer(13)};
  load_.reset();
  return counters;
}

Result<void> StateTable::save(const Counters& counters) {
  return save_.start()
      .bind(counters.highest)
      .bind(counters.delivered)
      .bind(counters.dead)
      .bind(counters.dropped)
      .bind(counters.coalesced)
      .bind(counters.requests)
      .bind(counters.duplicates_possible)
      .bind(counters.unsynced_from)
      .bind(counters.unsynced_through)
      .bind(counters.sealed_through)
      .run();
}

}  // namespace flowmyna
