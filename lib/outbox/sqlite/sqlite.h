#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace flowmyna::sqlite {

/// One connection. Closes itself. Not thread-safe: the thread that opened it uses it.
class Connection {
 public:
  /// Unless it may create the file, a missing one is an error.
  static Result<Connection> open(const std::string& path, bool may_create = true);
  /// To read only, through the VFS of this name.
  static Result<Connection> open_read_only(const std::string& path, const char* vfs);

  sqlite3* get() const { return handle_.get(); }
  /// Runs statements that yield no rows of interest.
  Result<void> execute(const char* sql) const;
  /// The first column of the first row, for pragmas and counts.
  Result<std::int64_t> integer(const char* sql) const;
  /// The error of the last call, in an operator's words.
  Error error(std::string_view what) const;
  /// Whether closing leaves the write-ahead log as it is, instead of folding it into the database.
  void keep_log_on_close(bool keep) const;
  /// From the next commit on, `*pages` follows the length of the write-ahead log. Turns off
  /// SQLite's automatic checkpoints, which swallow their errors: the caller makes all of them.
  void watch_log(int* pages) const;
  /// Moves what the log holds into the database, synced before and after; then the log is written
  /// from its start again.
  Result<void> checkpoint() const;
  /// The same, and leaves the log's file empty. kBusy while a statement reads.
  Result<void> empty_log() const;
  /// Lets the database's file grow to `bytes`, with blocks of its own. Returns whether it has them;
  /// true as well where the file system cannot set any aside.
  bool preallocate(std::uint64_t bytes) const;
  /// Syncs the log, also where `synchronous` does not have each commit do so.
  Result<void> sync_log() const;
  /// No transaction is open.
  bool is_idle() const { return sqlite3_get_autocommit(handle_.get()) != 0; }

 private:
  Result<void> checkpoint(int mode) const;

  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

/// The code that says what is wrong, right after the call that failed. SQLite calls only a full
/// disk SQLITE_FULL; here that also covers a write that failed, or a file that could not be made,
/// for lack of room, which errno tells. A failed sync stays one: what it was about may be lost.
int code_of(int code);

/// What SQLite's result code means for the caller (https://www.sqlite.org/rescode.html).
Error::Kind kind_of(int code);

/// A prepared statement, kept for the connection's life. A run binds, steps, and is reset by the
/// next `start` or by `reset`; a read must be reset soon, or it would hold back the checkpoint.
class Statement {
 public:
  static Result<Statement> prepare(const Connection& connection, const char* sql);

  Statement& start();
  Statement& bind(std::int64_t value);
  /// Binds without a copy: `bytes` must live until the statement is reset.
  Statement& bind(std::string_view bytes);
  /// Takes a step that yields a row (true), or ends the run (false).
  Result<bool> step();
  /// Runs a statement that yields no row, and resets it.
  Result<void> run();
  void reset();

  /// The rows that its last run changed, if no other statement has changed any since.
  std::int64_t changes() const { return sqlite3_changes64(sqlite3_db_handle(handle_.get())); }
  /// The key of the row that was inserted last, by this or another statement.
  std::int64_t last_key() const {
    return sqlite3_last_insert_rowid(sqlite3_db_handle(handle_.get()));
  }
  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  /// Points into the row; valid until the next step.
  std::string_view blob(int column) const;

 private:
  friend class Row;
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int next_ = 1;
};

/// A statement and what it is to be prepared from.
struct Preparation {
  Statement& statement;
  const char* sql;
};
Result<void> prepare(const Connection& connection, std::initializer_list<Preparation> statements);

/// A copy of the row that a statement stands on, which outlives the next step.
class Row {
 public:
  explicit Row(const Statement& statement);

  int columns() const { return static_cast<int>(values_.size()); }
  bool is_integer(int column) const { return sqlite3_value_type(at(column)) == SQLITE_INTEGER; }
  std::int64_t integer(int column) const { return sqlite3_value_int64(at(column)); }
  /// Points into this object.
  std::string_view blob(int column) const;

 private:
  struct Free {
    void operator()(sqlite3_value* value) const { sqlite3_value_free(value); }
  };
  sqlite3_value* at(int column) const { return values_[static_cast<std::size_t>(column)].get(); }
  std::vector<std::unique_ptr<sqlite3_value, Free>> values_;
};

}  // namespace flowmyna::sqlite
