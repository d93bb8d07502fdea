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

/// How the room of an outbox, `outbox.max_size`, is divided between rows, log and a reserve. Pure.
class Quota {
 public:
  explicit Quota(std::uint64_t bytes) : bytes_(bytes) {}

  std::uint64_t bytes() const { return bytes_; }
  /// The size of the write-ahead log at which it is checkpointed. A longer log saves syncs of the
  /// database, but takes from the quota.
  std::uint64_t log_bytes() const;
  /// The size that the log's file keeps after a checkpoint. It includes what the last round before
  /// the next checkpoint adds, so that this is written in place, too: if the file had been cut off
  /// and had to grow again, each sync would also write its inode.
  std::uint64_t kept_log_bytes() const { return log_bytes() * 3 / 2; }
  /// What is set aside on the disk, in addition to the quota: room in the database for a checkpoint
  /// of a full log, and in the log for a transaction that settles.
  std::uint64_t set_aside_bytes() const { return log_bytes() + (1U << 20); }
  /// How many bytes of rows settling may write before it frees any.
  std::uint64_t settling_row_bytes() const { return reserve_bytes() / kDiskFactor; }

  /// How many bytes of rows may be added to an empty outbox.
  std::uint64_t row_bytes_max() const;
  /// Whether rows of so many bytes may be added to what was measured.
  bool has_room(const FileSizes& sizes, std::uint64_t row_bytes) const;

 private:
  /// Bytes on disk for each byte of a row, at worst: rows just over half a page leave the rest of
  /// it empty, and every page stands in the write-ahead log as well.
  static constexpr std::uint64_t kDiskFactor = 4;

  /// Room that acceptance leaves free, so that settling, which writes before it frees, goes on when
  /// the quota is reached.
  std::uint64_t reserve_bytes() const;

  std::uint64_t bytes_;
};

}  // namespace flowmyna
