#pragma once

#include <cstdint>

#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// What the files of an outbox take, in bytes.
struct FileSizes {
  std::uint64_t all = 0;   ///< database and write-ahead log
  std::uint64_t log = 0;   ///< of it the log
  std::uint64_t free = 0;  ///< inside the database, to be used again
  std::uint64_t page = 0;  ///< one page
};

/// Asks an open outbox file for them.
class SizeQuery {
 public:
  static Result<SizeQuery> prepare(const sqlite::Connection& connection);
  Result<FileSizes> ask(const sqlite::Connection& connection);

 private:
  sqlite::Statement page_count_, freelist_count_;
  std::uint64_t page_bytes_ = 0;
};

/// How the room that an outbox may take, `outbox.max_size`, is shared out. Pure.
class Quota {
 public:
  explicit Quota(std::uint64_t bytes) : bytes_(bytes) {}

  std::uint64_t bytes() const { return bytes_; }
  /// How long the write-ahead log gets before it is checkpointed: longer saves syncs of the
  /// database, and takes from the quota.
  std::uint64_t log_bytes() const;
  /// The length that the log may keep: what the last round before a checkpoint makes it longer by
  /// is written in place as well, where cutting it off would have each sync of a new length write
  /// the file's inode besides.
  std::uint64_t kept_log_bytes() const { return log_bytes() * 3 / 2; }
  /// What is set aside on the disk, beside the quota: a full log has to fit into the database at a
  /// checkpoint, and a transaction that settles into the log.
  std::uint64_t set_aside_bytes() const { return log_bytes() + (1U << 20); }
  /// Of the rows that settling may write before it frees any.
  std::uint64_t settling_row_bytes() const { return reserve_bytes() / kDiskFactor; }

  /// Of the rows that may be added to an empty outbox.
  std::uint64_t row_bytes_max() const;
  /// Whether rows of so many bytes may be added to what was measured.
  bool has_room(const FileSizes& sizes, std::uint64_t row_bytes) const;

 private:
  /// What a row costs on disk at worst for each byte of its own: rows just over half a page leave
  /// the rest of it empty, and every page stands in the write-ahead log as well.
  static constexpr std::uint64_t kDiskFactor = 4;

  /// Room that acceptance leaves free, so that settling, which writes before it frees, goes on when
  /// the quota is reached.
  std::uint64_t reserve_bytes() const;

  std::uint64_t bytes_;
};

}  // namespace flowmyna
