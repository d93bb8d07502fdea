#include "outbox/sqlite/sqlite.h"

#include <cerrno>
#include <system_error>

#include "outbox/disk/disk_error.h"
#include "outbox/disk/disk_room.h"

namespace flowmyna::sqlite {

int code_of(int code) {
  const bool may_be_want_of_room = code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_TRUNCATE ||
                                   (code & 0xff) == SQLITE_CANTOPEN;
  return may_be_want_of_room && is_want_of_room(errno) ? SQLITE_FULL : code;
}

Error::Kind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Error::Kind::kFull;
    case SQLITE_IOERR:  // what the disk does not give back (EIO) is as damaged as what it gives
                        // wrong
      return code == SQLITE_IOERR_CORRUPTFS ? Error::Kind::kCorrupt : Error::Kind::kIo;
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

const char* hint(int code, int system_error) {
  if (system_error == EMFILE || system_error == ENFILE) {
    return "; raise the limit on open files (LimitNOFILE= in the systemd unit)";
  }
  switch (code & 0xff) {
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return "; this user must be allowed to read and write the file and its directory, and the "
             "file system must be mounted read-write";
    case SQLITE_FULL:
      return "; make room on the disk";
    case SQLITE_IOERR:
      return "; the kernel's log tells what is wrong with the disk";
    default:
      return "";
  }
}

/// With this much free, no write fails for lack of room.
constexpr std::uint64_t kRoomToWrite = 1U << 20;

/// "Database or disk is full" is what SQLite says, too, when a damaged pointer leads it to a page
/// beyond all that a file can have (sqlite.org/limits.html, "Maximum Number Of Pages In A Database
/// File"): no write has failed then, and there is room.
bool is_led_astray(sqlite3* handle, int code) {
  if ((code & 0xff) != SQLITE_FULL || is_want_of_room(errno)) return false;
  const char* file = sqlite3_db_filename(handle, "main");
  return file != nullptr && *file != 0 && disk_room(file) >= kRoomToWrite;
}

/// What SQLite's code of a failed call means; `errno` must have been 0 before the call.
int meaning_of(sqlite3* handle, int code) {
  return is_led_astray(handle, code) ? SQLITE_CORRUPT : code_of(code);
}

Error make_error(int code, std::string_view what, std::string text, int system_error = 0) {
  if (system_error != 0) text += ": " + std::generic_category().message(system_error);
  return {kind_of(code), std::string(what) + ": " + text + " (SQLite code " + std::to_string(code) +
                             ")" + hint(code, system_error)};
}

/// Names the file, which a person can do something about, and not the statement that failed.
std::string name_of(sqlite3* handle) {
  const char* file = sqlite3_db_filename(handle, "main");
  return std::string("the outbox") + (file == nullptr || *file == 0 ? "" : " ") +
         (file == nullptr ? "" : file);
}

/// What the operating system said, where that is why SQLite fails.
int system_error_of(sqlite3* handle, int code) {
  const bool is_below = (code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR;
  return is_below ? sqlite3_system_errno(handle) : 0;
}

const char* text_of(sqlite3* handle, int code) {
  const bool says_full = (sqlite3_extended_errcode(handle) & 0xff) == SQLITE_FULL;
  return says_full && code == SQLITE_CORRUPT ? sqlite3_errstr(code) : sqlite3_errmsg(handle);
}

}  // namespace

Result<Connection> Connection::open(const std::string& path, bool may_create) {
  sqlite3* handle = nullptr;
  // NOMUTEX: one thread owns the connection.
  errno = 0;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (may_create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Connection connection;
  connection.handle_.reset(handle);
  if (code != SQLITE_OK) return tl::make_unexpected(connection.error("cannot open " + path));
  // Without the permission to write SQLite takes less, and fails in an odd way later.
  if (sqlite3_db_readonly(handle, "main") == 1) {
    return tl::make_unexpected(
        make_error(SQLITE_READONLY, "cannot open " + path, "it is read-only"));
  }
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
  if (!handle_) return make_error(SQLITE_NOMEM, what, "out of memory");
  const int code = meaning_of(handle_.get(), sqlite3_extended_errcode(handle_.get()));
  return make_error(code, what, text_of(handle_.get(), code), system_error_of(handle_.get(), code));
}

Result<void> Connection::execute(const char* sql) const {
  errno = 0;
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return tl::make_unexpected(error(name_of(handle_.get())));
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
  return checkpoint(SQLITE_CHECKPOINT_PASSIVE);
}

Result<void> Connection::empty_log() const {
  return checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
}

Result<void> Connection::checkpoint(int mode) const {
  errno = 0;
  const int code = sqlite3_wal_checkpoint_v2(handle_.get(), "main", mode, nullptr, nullptr);
  if (code != SQLITE_OK) return tl::make_unexpected(error("cannot checkpoint the outbox"));
  return {};
}

bool Connection::preallocate(std::uint64_t bytes) const {
  // Not through a descriptor of our own: closing it would end the locks that SQLite has on the
  // file. A hint is only taken where a chunk's size is set.
  int chunk = 512;
  auto size = static_cast<sqlite3_int64>(bytes);
  sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
  const int code = sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_SIZE_HINT, &size);
  chunk = 0;
  sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
  return code == SQLITE_OK;
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
  errno = 0;
  sqlite3_stmt* handle = nullptr;
  const int code =
      sqlite3_prepare_v3(connection.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) {
    return tl::make_unexpected(connection.error(name_of(connection.get())));
  }
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
  errno = 0;
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle_.get());
    return false;
  }
  sqlite3* const connection = sqlite3_db_handle(handle_.get());
  const int meaning = meaning_of(connection, code);
  Error error = make_error(meaning, name_of(connection), text_of(connection, meaning),
                           system_error_of(connection, code));
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
