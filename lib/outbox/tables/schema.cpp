#include "outbox/tables/schema.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Statement;

/// Step i brings version i to i + 1. Steps are never changed once released.
constexpr std::array<const char*, kSchemaVersion> kSteps = {
    R"sql(
      CREATE TABLE operation(seq INTEGER PRIMARY KEY, row BLOB NOT NULL);
      CREATE TABLE seal(id INTEGER PRIMARY KEY, row BLOB NOT NULL);
      CREATE TABLE letter(id INTEGER PRIMARY KEY, status INTEGER NOT NULL, reason TEXT NOT NULL,
                          attempts INTEGER NOT NULL, at INTEGER NOT NULL);
      CREATE TABLE dead(seq INTEGER PRIMARY KEY, letter INTEGER NOT NULL, row BLOB NOT NULL);
      CREATE TABLE state(id INTEGER PRIMARY KEY CHECK(id = 1), accepted INTEGER NOT NULL,
                         delivered INTEGER NOT NULL, dead INTEGER NOT NULL,
                         coalesced INTEGER NOT NULL, requests INTEGER NOT NULL,
                         duplicates_possible INTEGER NOT NULL);
      INSERT INTO state VALUES(1, 0, 0, 0, 0, 0, 0);
    )sql",
    R"sql(
      CREATE INDEX dead_by_letter ON dead(letter);
      CREATE TABLE dropped(first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
      ALTER TABLE state ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE folded(seq INTEGER PRIMARY KEY, last INTEGER NOT NULL,
                          operations INTEGER NOT NULL);
    )sql",
    R"sql(
      ALTER TABLE state ADD COLUMN unsynced_from INTEGER NOT NULL DEFAULT 0;
    )sql",
    R"sql(
      ALTER TABLE state ADD COLUMN outbox TEXT NOT NULL DEFAULT '';
      UPDATE state SET outbox = lower(hex(randomblob(16)));
      CREATE TABLE arrival(export TEXT PRIMARY KEY, source TEXT NOT NULL,
                           through INTEGER NOT NULL, lines INTEGER NOT NULL) WITHOUT ROWID;
    )sql",
    R"sql(
      ALTER TABLE state ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE damage(at INTEGER PRIMARY KEY, file TEXT NOT NULL, kept INTEGER NOT NULL,
                          lost INTEGER NOT NULL, is_exact INTEGER NOT NULL);
      CREATE TABLE lost(first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
    )sql",
    R"sql(
      ALTER TABLE state ADD COLUMN sealed_through INTEGER NOT NULL DEFAULT 0;
      UPDATE state SET sealed_through = coalesce((SELECT max(seq) FROM operation), 0)
        WHERE EXISTS(SELECT 1 FROM seal);
      ALTER TABLE state ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE state ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE state ADD COLUMN machine TEXT NOT NULL DEFAULT '';
    )sql",
    R"sql(
      ALTER TABLE state ADD COLUMN unsynced_through INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE fold_map(map INTEGER PRIMARY KEY, row BLOB NOT NULL);
      CREATE TABLE unmapped(first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
      INSERT INTO unmapped
        SELECT before + 1, seq - 1 FROM (
          SELECT seq, lag(seq, 1, (SELECT min(seq) FROM folded)) OVER (ORDER BY seq) AS before
          FROM operation WHERE seq > (SELECT min(seq) FROM folded)
          AND seq <= (SELECT max(last) FROM folded))
        WHERE seq > before + 1;
      INSERT INTO unmapped
        SELECT after + 1, last FROM (
          SELECT max(last) AS last, max(min(seq), coalesce((SELECT max(operation.seq) FROM operation
            WHERE operation.seq <= (SELECT max(last) FROM folded)), 0)) AS after FROM folded)
        WHERE after < last;
      UPDATE folded SET operations = 0 WHERE seq NOT IN (SELECT seq FROM operation) AND
        seq NOT IN (SELECT seq FROM dead);
    )sql",
};

/// No version will ever be this high: a higher number is damage.
constexpr std::int64_t kPlausibleVersionMax = 1000;

/// Every version has these tables. Half of them in the file of another program would be a strange
/// chance; damage that leaves the schema readable hides one at most.
constexpr const char* kCountOurs =
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
    "name IN ('operation', 'seal', 'letter', 'dead', 'state')";
constexpr std::int64_t kOursMin = 3;

/// Every column of every table, each with the page on which the table begins where that counts; the
/// text that made them is left out, since versions of SQLite differ in how they edit it.
Result<std::set<std::string>> columns_of(const Connection& connection, bool with_pages = false) {
  auto query = Statement::prepare(
      connection,
      "SELECT format('%s %s %s %s %d', entry.type, entry.name, entry_column.name, "
      "entry_column.type, pk), rootpage FROM sqlite_schema AS entry "
      "LEFT JOIN pragma_table_info(entry.name) AS entry_column");
  if (!query) return tl::make_unexpected(query.error());
  std::set<std::string> columns;
  while (true) {
    const auto row = query->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return columns;
    std::string column(query->blob(0));
    if (with_pages) column += ' ' + std::to_string(query->integer(1));
    columns.insert(std::move(column));
  }
}

Result<std::set<std::string>> columns_of_version(int version) {
  const auto model = empty_outbox(version);
  if (!model) return tl::make_unexpected(model.error());
  return columns_of(*model);
}

Error foreign(const Connection& connection, const char* what) {
  const char* path = sqlite3_db_filename(connection.get(), "main");
  return {Error::Kind::kUnsupported, std::string(path == nullptr ? "the outbox" : path) + what};
}

Result<void> check_owner(const Connection& connection) {
  const auto ours = connection.integer(kCountOurs);
  if (!ours) return tl::make_unexpected(ours.error());
  if (*ours < kOursMin) {
    return tl::make_unexpected(
        foreign(connection,
                " is another program's database, and is left as it is: move it away, or set "
                "outbox.path to another directory"));
  }
  const auto is_utf8 = connection.integer("SELECT encoding = 'UTF-8' FROM pragma_encoding");
  if (!is_utf8) return tl::make_unexpected(is_utf8.error());
  if (*is_utf8 == 0) {
    return tl::make_unexpected(
        foreign(connection,
                " was restored with UTF-16 text: restore it with PRAGMA encoding = "
                "'UTF-8'"));
  }
  return {};
}

}  // namespace

Result<Connection> empty_outbox(int version) {
  auto connection = Connection::open(":memory:");
  if (!connection) return connection;
  auto done = connection->execute(kNewFilePragma);
  if (done) done = migrate(*connection, version);
  if (!done) return tl::make_unexpected(done.error());
  return connection;
}

Result<int> version_of(const Connection& connection) {
  const auto version = connection.integer("PRAGMA user_version");
  if (!version) return tl::make_unexpected(version.error());
  const auto tables = connection.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tl::make_unexpected(tables.error());
  if (*version >= 0 && *version <= kPlausibleVersionMax && (*version > 0 || *tables == 0)) {
    return static_cast<int>(*version);
  }
  const auto found = columns_of(connection);
  if (!found) return tl::make_unexpected(found.error());
  for (int known = kSchemaVersion; *version == 0 && known > 0; --known) {
    const auto columns = columns_of_version(known);
    if (!columns) return tl::make_unexpected(columns.error());
    if (*found == *columns) return known;
  }
  return fail(Error::Kind::kCorrupt, "the outbox is damaged: it does not say its version");
}

Result<void> check_version(const Connection& connection) {
  const auto said = connection.integer("PRAGMA user_version");
  if (!said) return tl::make_unexpected(said.error());
  if (*said > kSchemaVersion && *said <= kPlausibleVersionMax) {
    return fail(Error::Kind::kUnsupported,
                "the outbox was written by a newer version (schema " + std::to_string(*said) +
                    ", this program knows " + std::to_string(kSchemaVersion) +
                    "): install that version again, or set outbox.path to another file");
  }
  const auto tables = connection.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tl::make_unexpected(tables.error());
  auto done = *tables > 0 ? check_owner(connection) : Result<void>{};
  if (!done) return done;
  const auto version = version_of(connection);
  return version ? Result<void>{} : tl::make_unexpected(version.error());
}

Result<void> migrate(const Connection& connection, int version) {
  const auto said = connection.integer("PRAGMA user_version");
  if (!said) return tl::make_unexpected(said.error());
  if (*said >= version) return {};
  const auto found = version_of(connection);
  if (!found) return tl::make_unexpected(found.error());
  if (auto begun = connection.execute("BEGIN IMMEDIATE"); !begun) return begun;
  std::string script;
  for (int step = *found; step < version; ++step) {
    script += kSteps[static_cast<std::size_t>(step)];
  }
  script += "PRAGMA user_version = " + std::to_string(version) + "; COMMIT";
  auto done = connection.execute(script.c_str());
  // The SQL is known to be right, so what is in its way is not the outbox of that version.
  const bool is_foreign = !done && (sqlite3_errcode(connection.get()) & 0xff) == SQLITE_ERROR;
  if (is_foreign) {
    const std::string why = sqlite3_errmsg(connection.get());
    done =
        fail(Error::Kind::kCorrupt, "the outbox is damaged: its tables are not those of version " +
                                        std::to_string(*found) + " (" + why + ")");
  }
  if (!connection.is_idle()) (void)connection.execute("ROLLBACK");
  return done;
}

Result<std::uint32_t> checksum_of_tables(const Connection& connection) {
  const auto columns = columns_of(connection, true);
  if (!columns) return tl::make_unexpected(columns.error());
  std::uint32_t checksum = 0;
  for (const std::string& column : *columns) {
    checksum = libdeflate_crc32(checksum, column.c_str(), column.size() + 1);
  }
  return checksum;
}

Result<void> check_tables(const Connection& connection, const Connection& model) {
  const auto wanted = columns_of(model);
  if (!wanted) return tl::make_unexpected(wanted.error());
  const auto found = columns_of(connection);
  if (!found) return tl::make_unexpected(found.error());
  // What a person has added does no harm.
  if (std::ranges::includes(*found, *wanted)) return {};
  return fail(Error::Kind::kCorrupt, "the outbox's tables are not as this program makes them");
}

Result<std::string> first_page(int version) {
  const auto model = empty_outbox(version);
  if (!model) return tl::make_unexpected(model.error());
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> bytes(
      sqlite3_serialize(model->get(), "main", &size, 0), sqlite3_free);
  const auto page_bytes = model->integer("PRAGMA page_size");
  if (!bytes || !page_bytes || size < *page_bytes) {
    return fail(Error::Kind::kIo, "no memory for an empty outbox");
  }
  std::string page(reinterpret_cast<const char*>(bytes.get()),
                   static_cast<std::size_t>(*page_bytes));
  // sqlite.org/fileformat2.html, "The Database Header": written through a log, and no page count.
  page[18] = page[19] = 2;
  std::fill_n(page.begin() + 28, 4, '\0');
  return page;
}

}  // namespace flowmyna
