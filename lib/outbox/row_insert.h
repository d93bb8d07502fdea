#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "outbox/sqlite.h"

namespace flowmyna::sqlite {

/// Rows that come one after the other, each a key and a blob.
class RowSource {
 public:
  virtual ~RowSource() = default;
  /// Goes to the next row, first to the first one; false behind the last. May throw
  /// std::bad_alloc.
  virtual bool next() = 0;
  virtual std::int64_t key() const = 0;
  /// Valid until `next`.
  virtual std::string_view blob() const = 0;
};

/// One statement that inserts many rows: SQLite reads them from a table that is stored nowhere, the
/// source. So a row costs no run of a statement of its own.
class RowInsert {
 public:
  /// Into the columns `key` and `blob` of `table`. One for each connection.
  static Result<RowInsert> prepare(const Connection& connection, const std::string& table,
                                   const std::string& key, const std::string& blob);

  /// After an error some rows may have been inserted: roll back.
  Result<void> run(RowSource& rows);

 private:
  std::unique_ptr<RowSource*> rows_;  // where SQLite's side finds them, during `run`
  Statement statement_;
};

}  // namespace flowmyna::sqlite
