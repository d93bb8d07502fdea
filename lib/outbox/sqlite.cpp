#include "outbox/sqlite.h"

#include <cerrno>

namespace flowmyna::sqlite {

Error::Kind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Error::Kind::kFull;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_TOOBIG:  // nothing of ours is: a damaged record says so of itself
      return Error::Kind::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error::Kind::kBusy;
    default:
      return Error::Kind::kIo;
  }
}

namespace {

const char* hint(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "; make room on the disk";
    case SQLITE_IOERR:
      return "; the kernel's log tells what is wrong with the disk";
    default:
      return "";
  }
}

/// The code that says what is wrong. SQLite knows a full disk, but not a quota of the file system
/// that is reached: that is a failed write to it, which leaves its reason in errno.
int code_of(int code) {
  return code == SQLITE_IOERR_WRITE && errno == EDQUOT ? SQLITE_FULL : code;
}

Error make_error(int code, std::string_view what, const char* text) {
  return {kind_of(code), std::string(what) + ": " + text + " (SQLite code " + std::to_string(code) +
                             ")" + hint(code)};
}

}  // namespace

Result<Connection> Connection::open(const std::string& path, bool may_create) {
  sqlite3* handle = nullptr;
  // NOMUTEX: one thread owns the connection.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (may_create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Connection connection;
  connection.handle_.reset(handle);
  if (code != SQLITE_OK) return tl::make_unexpected(connection.error("cannot open " + path));
  return connection;
}

Result<Connection> Connection::open_read_only(const std::string& path, const char* vfs) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, vfs);
  Connection connection;
  connection.handle_.reset(handle);
  if (code != SQLITE_OK) return tl::make_unexpected(connection.error("cannot open " + path));
  return connection;
}

Error Connection::error(std::string_view what) const {
  const int code = handle_ ? code_of(sqlite3_extended_errcode(handle_.get())) : SQLITE_NOMEM;
  const char* text = handle_ ? sqlite3_errmsg(handle_.get()) : "out of memory";
  return make_error(code, what, text);
}

Result<void> Connection::execute(const char* sql) const {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return tl::make_unexpected(error(sql));
  }
  return {};
}

Result<std::int64_t> Connection::integer(const char* sql) const {
  auto statement = Statement::prepare(*this, sql);
  if (!statement) return tl::make_unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return tl::make_unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

void Connection::keep_log_on_close(bool keep) const {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
}

void Connection::watch_log(int* pages) const {
  sqlite3_wal_hook(
      handle_.get(),
      [](void* out, sqlite3*, const char*, int in_log) {
        *static_cast<int*>(out) = in_log;
        return SQLITE_OK;
      },
      pages);
}

Result<void> Connection::checkpoint() const {
  const int code =
      sqlite3_wal_checkpoint_v2(handle_.get(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK) return tl::make_unexpected(error("cannot checkpoint the outbox"));
  return {};
}

Result<void> Connection::sync_log() const {
  sqlite3_file* log = nullptr;
  sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log == nullptr || log->pMethods == nullptr) return {};
  const int code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
  if (code == SQLITE_OK) return {};
  return tl::make_unexpected(
      make_error(code, "cannot sync the outbox's log", sqlite3_errstr(code)));
}

Result<Statement> Statement::prepare(const Connection& connection, const char* sql) {
  sqlite3_stmt* handle = nullptr;
  const int code =
      sqlite3_prepare_v3(connection.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return tl::make_unexpected(connection.error(sql));
  Statement statement;
  statement.handle_.reset(handle);
  return statement;
}

Result<void> prepare(const Connection& connection, std::initializer_list<Preparation> statements) {
  for (const auto& [statement, sql] : statements) {
    auto prepared = Statement::prepare(connection, sql);
    if (!prepared) return tl::make_unexpected(prepared.error());
    statement = *std::move(prepared);
  }
  return {};
}

Statement& Statement::start() {
  sqlite3_reset(handle_.get());
  next_ = 1;
  return *this;
}

Statement& Statement::bind(std::int64_t value) {
  sqlite3_bind_int64(handle_.get(), next_++, value);
  return *this;
}

Statement& Statement::bind(std::string_view bytes) {
  sqlite3_bind_blob64(handle_.get(), next_++, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle_.get());
    return false;
  }
  Error error = make_error(code_of(code), sqlite3_sql(handle_.get()),
                           sqlite3_errmsg(sqlite3_db_handle(handle_.get())));
  sqlite3_reset(handle_.get());
  return tl::make_unexpected(std::move(error));
}

Result<void> Statement::run() {
  const auto row = step();
  if (!row) return tl::make_unexpected(row.error());
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(handle_.get());
}

std::string_view Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(handle_.get(), column);
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

Row::Row(const Statement& statement) {
  sqlite3_stmt* handle = statement.handle_.get();
  const int count = sqlite3_column_count(handle);
  values_.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    values_.emplace_back(sqlite3_value_dup(sqlite3_column_value(handle, i)));
  }
}

std::string_view Row::blob(int column) const {
  const void* bytes = sqlite3_value_blob(at(column));
  return {static_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_value_bytes(at(column)))};
}

}  // namespace flowmyna::sqlite
