#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "outbox/sqlite/sqlite.h"

namespace flowmyna::sqlite {

/// Blobs that come one after the other.
class BlobSource {
 public:
  virtual ~BlobSource() = default;
  /// Goes to the next blob, first to the first one; false after the last. May throw std::bad_alloc.
  virtual bool next() = 0;
  /// Valid until `next`.
  virtual std::string_view blob() const = 0;
};

/// Inserts many rows at the end of a table for little more than their bytes. All but the first go
/// in with one statement, which reads them from a table that is stored nowhere, the source; and
/// SQLite numbers them itself, since to look for the place of a key that it is given costs it more
/// than to write the row.
class RowInsert {
 public:
  /// Into the columns `key`, which is the INTEGER PRIMARY KEY, and `blob` of `table`. One for each
  /// connection.
  static Result<RowInsert> prepare(const Connection& connection, const std::string& table,
                                   const std::string& key, const std::string& blob);

  /// Gives the blobs the keys from `first` on and returns how many there were. No key of the table
  /// may be higher: kCorrupt. After an error some rows may have been inserted: roll back.
  Result<std::int64_t> run(std::int64_t first, BlobSource& blobs);

 private:
  std::unique_ptr<BlobSource*> blobs_;  // where SQLite's side finds them, during `run`
  Statement first_;
  Statement others_;
};

}  // namespace flowmyna::sqlite
