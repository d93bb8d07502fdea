#include "bench/bare_database.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>

#include "bench/message.h"
#include "bench/process.h"

namespace flowmyna::bench {
namespace {

constexpr const char* kSetUp = R"sql(
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE operation(seq INTEGER PRIMARY KEY, row BLOB NOT NULL);
)sql";

double written_by_us_bytes() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_oublock) * 512;
}

}  // namespace

Result<BareDatabase> BareDatabase::open(const std::string& path) {
  BareDatabase database;
  sqlite3* connection = nullptr;
  const int opened = sqlite3_open(path.c_str(), &connection);
  database.connection_.reset(connection);
  if (opened != SQLITE_OK ||
      sqlite3_exec(connection, kSetUp, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(Error::Kind::kIo, path + ": " + sqlite3_errmsg(connection));
  }
  const struct {
    Statement* statement;
    const char* sql;
  } statements[] = {{&database.begin_, "BEGIN IMMEDIATE"},
                    {&database.insert_, "INSERT INTO operation(seq, row) VALUES(?, ?)"},
                    {&database.commit_, "COMMIT"}};
  for (const auto& [statement, sql] : statements) {
    auto prepared = database.prepare(sql);
    if (!prepared) return tl::make_unexpected(prepared.error());
    *statement = *std::move(prepared);
  }
  return database;
}

Result<BareDatabase::Statement> BareDatabase::prepare(const char* sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(connection_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK) {
    return fail(Error::Kind::kIo, sqlite3_errmsg(connection_.get()));
  }
  return Statement(statement);
}

Result<void> BareDatabase::run(const Statement& statement) const {
  const int done = sqlite3_step(statement.get());
  sqlite3_reset(statement.get());
  if (done == SQLITE_DONE) return {};
  return fail(Error::Kind::kIo, sqlite3_errmsg(connection_.get()));
}

Result<void> BareDatabase::begin() {
  return run(begin_);
}

Result<void> BareDatabase::insert(std::string_view row) {
  sqlite3_bind_int64(insert_.get(), 1, ++last_);
  sqlite3_bind_blob(insert_.get(), 2, row.data(), static_cast<int>(row.size()), SQLITE_STATIC);
  return run(insert_);
}

Result<void> BareDatabase::commit() {
  return run(commit_);
}

Result<SqliteFigures> measure_sqlite(const std::string& directory, unsigned rows_per_commit,
                                     std::chrono::nanoseconds duration) {
  const std::string path = directory + "/bare.db";
  for (const char* suffix : {"", "-wal"}) std::filesystem::remove(path + suffix);
  const std::string row = stored_row(1);
  const double written_before = written_by_us_bytes();
  auto database = BareDatabase::open(path);
  if (!database) return tl::make_unexpected(database.error());

  const auto cpu_before = usage_of(::getpid()).cpu;
  const auto begun = std::chrono::steady_clock::now();
  std::chrono::duration<double> elapsed{0};
  double rows = 0;
  while (elapsed < duration) {
    auto done = database->begin();
    for (unsigned i = 0; done && i < rows_per_commit; ++i) done = database->insert(row);
    if (done) done = database->commit();
    if (!done) return tl::make_unexpected(done.error());
    rows += rows_per_commit;
    elapsed = std::chrono::steady_clock::now() - begun;
  }
  const std::chrono::duration<double, std::micro> cpu = usage_of(::getpid()).cpu - cpu_before;
  database = BareDatabase();  // closes it: the last checkpoint counts
  const double written = written_by_us_bytes() - written_before;
  std::filesystem::remove(path);
  return SqliteFigures{rows / elapsed.count(), written / rows, cpu.count() / rows};
}

}  // namespace flowmyna::bench
