#include "outbox/salvage/integrity.h"

#include "outbox/salvage/layout.h"
#include "outbox/salvage/remains.h"
#include "outbox/tables/row.h"
#include "outbox/tables/schema.h"
#include "outbox/tables/state_table.h"

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Statement;

tl::unexpected<Error> damaged(const char* what) {
  return fail(Error::Kind::kCorrupt, std::string("the outbox is damaged: ") + what);
}

/// From the newest follow the receipts of the next ones, and the oldest is what is left when
/// delivery has passed by a row whose receipt is damaged.
Result<void> check_operation(const Connection& connection, const char* sql) {
  auto query = Statement::prepare(connection, sql);
  if (!query) return tl::make_unexpected(query.error());
  const auto row = query->step();
  if (!row) return tl::make_unexpected(row.error());
  if (*row && !read_operation_row(static_cast<Receipt>(query->integer(0)), query->blob(1))) {
    return damaged("an operation fails its checksum");
  }
  return {};
}

Result<void> check_counters(const Connection& connection) {
  const std::string sql =
      "SELECT max(accepted, coalesce((SELECT max(seq) FROM operation), 0)) "
      "- skipped - delivered - dead - dropped - lost, "
      "min(accepted, skipped, unsynced_from, unsynced_through" +
      counter_columns() +
      "), dead, EXISTS(SELECT 1 FROM operation), EXISTS(SELECT 1 FROM dead) "
      "FROM state WHERE id = 1";
  auto query = Statement::prepare(connection, sql.c_str());
  if (!query) return tl::make_unexpected(query.error());
  const auto row = query->step();
  if (!row) return tl::make_unexpected(row.error());
  if (!*row) return damaged("its counters are gone");
  const std::int64_t pending = query->integer(0);
  const auto remains = remains_of(connection);
  if (!remains) return tl::make_unexpected(remains.error());
  if (pending < 0 || query->integer(1) < 0) return damaged("its counters contradict each other");
  if (*remains) return {};
  if ((pending > 0) != (query->integer(3) != 0)) {
    return damaged(pending > 0 ? "operations are missing"
                               : "there are more operations than counted");
  }
  if ((query->integer(2) > 0) != (query->integer(4) != 0)) {
    return damaged("its dead letters are not as counted");
  }
  return {};
}

Result<void> check_free_pages(const Connection& connection) {
  const auto pages = connection.integer("PRAGMA page_count");
  const auto free_pages = connection.integer("PRAGMA freelist_count");
  if (!pages || !free_pages) return tl::make_unexpected(pages ? free_pages.error() : pages.error());
  if (*free_pages < 0 || *free_pages >= *pages) return damaged("more is free than there is");
  return {};
}

Result<void> check_schema(const Connection& connection) {
  const auto checksum = checksum_of_tables(connection);
  if (!checksum) return tl::make_unexpected(checksum.error());
  if (*checksum == kChecksumOfTables) return {};
  const auto model = empty_outbox(kSchemaVersion);
  if (!model) return tl::make_unexpected(model.error());
  auto done = check_tables(connection, *model);
  if (done) done = check_layout(connection, *model);
  return done;
}

}  // namespace

Result<void> check_integrity(const Connection& connection) {
  auto done = check_schema(connection);
  if (done) done = check_free_pages(connection);
  for (const char* sql : {"SELECT seq, row FROM operation ORDER BY seq DESC LIMIT 1",
                          "SELECT seq, row FROM operation ORDER BY seq LIMIT 1"}) {
    if (done) done = check_operation(connection, sql);
  }
  if (done) done = check_counters(connection);
  return done;
}

}  // namespace flowmyna
