#include "outbox/tables/epoch.h"

#include <algorithm>

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Statement;

/// A number beyond this is none for JSON.
constexpr std::int64_t kReceiptMax = std::int64_t{1} << 53;

}  // namespace

Result<Provenance> Provenance::read(const Connection& connection) {
  auto query = Statement::prepare(
      connection,
      "SELECT outbox, epoch, max(accepted, coalesce((SELECT max(seq) FROM operation), 0)), "
      "requests + delivered + dropped + lost, machine FROM state WHERE id = 1");
  if (!query) return tl::make_unexpected(query.error());
  const auto row = query->step();
  if (!row) return tl::make_unexpected(row.error());
  Provenance file;
  if (!*row) return file;
  file.mark.outbox = query->blob(0);
  file.is_backup = query->integer(1) < 0;
  file.mark.epoch = file.is_backup ? -1 - query->integer(1) : query->integer(1);
  file.mark.highest = query->integer(2);
  file.mark.settled = query->integer(3);
  file.machine = query->blob(4);
  return file;
}

Departure departure_of(const Provenance& file, const std::optional<OutboxMark>& seen,
                       const std::string& machine) {
  if (file.is_backup) return Departure::kBackup;
  if (!machine.empty() && !file.machine.empty() && machine != file.machine) {
    return Departure::kElsewhere;
  }
  return seen && seen->is_beyond(file.mark) ? Departure::kOlder : Departure::kNone;
}

Result<void> begin_epoch(const Connection& connection, const Provenance& file,
                         const std::optional<OutboxMark>& seen, const std::string& machine) {
  const bool is_known = seen && seen->outbox == file.mark.outbox;
  const std::int64_t given = std::max(file.mark.highest, is_known ? seen->highest : 0);
  const std::int64_t next = (given / kEpochReceipts + 1) * kEpochReceipts;
  const std::int64_t last = next < kReceiptMax ? next : given;
  const std::int64_t epoch = std::max(file.mark.epoch, is_known ? seen->epoch : 0) + 1;
  const bool is_elsewhere = !machine.empty() && !file.machine.empty() && machine != file.machine;
  if (auto begun = connection.execute("BEGIN IMMEDIATE"); !begun) return begun;
  auto update = Statement::prepare(
      connection,
      "UPDATE state SET epoch = ?, skipped = skipped + ?, accepted = ?, "
      "machine = CAST(? AS TEXT), "
      "outbox = CASE WHEN ? THEN lower(hex(randomblob(16))) ELSE outbox END WHERE id = 1");
  auto gap = Statement::prepare(
      connection, "INSERT OR REPLACE INTO lost(first, last) SELECT ?1, ?2 WHERE ?1 <= ?2");
  auto done =
      update && gap ? Result<void>{} : tl::make_unexpected(update ? gap.error() : update.error());
  if (done) {
    done = update->start()
               .bind(epoch)
               .bind(last - file.mark.highest)
               .bind(last)
               .bind(machine.empty() ? file.machine : machine)
               .bind(std::int64_t{is_elsewhere})
               .run();
  }
  if (done) done = gap->start().bind(file.mark.highest + 1).bind(last).run();
  if (done) done = connection.execute("COMMIT");
  if (!connection.is_idle()) (void)connection.execute("ROLLBACK");
  return done;
}

Result<void> settle_down(const Connection& connection, const std::string& machine) {
  auto update =
      Statement::prepare(connection, "UPDATE state SET machine = CAST(? AS TEXT) WHERE id = 1");
  if (!update) return tl::make_unexpected(update.error());
  return update->bind(machine).run();
}

Result<void> mark_as_backup(const Connection& copy) {
  return copy.execute("UPDATE state SET epoch = -1 - epoch WHERE epoch >= 0");
}

std::string describe(Departure departure, const std::string& path) {
  const std::string what = departure == Departure::kBackup ? " is a backup that was put back"
                           : departure == Departure::kOlder
                               ? " is older than it was: a copy of it was put back"
                               : " was copied from another machine";
  return path + what +
         "; events that wait in it may have been delivered already, and are treated as "
         "delivery.on_unknown says; receipts go on with larger numbers";
}

}  // namespace flowmyna
