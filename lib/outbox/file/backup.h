#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/outbox.h"
#include "outbox/file/copy_check.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// A copy of an outbox that goes on being used, made beside it in small steps between its
/// transactions, and read once it is whole. It is what the outbox was at the end of the copying.
///
/// It uses SQLite's backup API (sqlite.org/c3ref/backup_finish.html) over the connection that
/// writes: a change to a page that was copied is made in the copy as well, so writers cannot outrun
/// it, and it ends at the latest when the outbox is as large as its quota allows. Only a
/// transaction that is rolled back after it has outgrown the cache makes it start over, and not for
/// ever.
///
/// What was copied is then read once, as a start and delivery would read it: tables, every
/// operation's checksum, and whether there are as many as the counters say.
///
/// The file has a name (`<outbox>.backup`) until it is whole and none afterwards, so a process that
/// dies leaves it at most until the next start (`remove_remains`); what it takes of the disk does
/// not count towards the quota, and it is given up before the disk is full. It needs no log: it
/// opens as any outbox does, and with the sqlite3 program.
///
/// Rejected: copying the files (what the log holds is in no file that makes sense by itself),
/// VACUUM INTO (one step for all of it, during which writers wait), and a file that the agent puts
/// where the caller wants it (its unit lets it write to its own directory alone).
class Backup {
 public:
  /// `source` must outlive it. `room_bytes` have to stay free on the disk. kFull when there is no
  /// room.
  static Result<std::unique_ptr<Backup>> begin(const sqlite::Connection& source,
                                               const std::string& outbox_path,
                                               std::uint64_t room_bytes);
  ~Backup();
  Backup(const Backup&) = delete;
  Backup& operator=(const Backup&) = delete;

  /// Takes a step that is over within about a millisecond; after an error the copy is worth
  /// nothing.
  Result<BackupProgress> step();
  /// A piece of the file once it is ready; empty at its end.
  Result<std::string> read(std::uint64_t from, std::size_t bytes_max) const;

  /// At a start: removes what a process that died left behind.
  static void remove_remains(const std::string& outbox_path);

 private:
  struct Finish {
    void operator()(sqlite3_backup* copying) const { sqlite3_backup_finish(copying); }
  };

  Backup(std::string path, std::uint64_t room_bytes);
  Result<void> create(const sqlite::Connection& source);
  Result<void> check_room(std::uint64_t bytes) const;
  Result<void> copy();
  Result<void> finish_copy();
  Result<void> check();

  const std::string path_;
  const std::uint64_t room_bytes_;
  int file_ = -1;
  sqlite::Connection target_;  // before what refers to it
  std::unique_ptr<sqlite3_backup, Finish> copying_;
  std::optional<CopyCheck> check_;
  BackupProgress progress_;
  std::uint64_t copied_pages_ = 0;
  int restarts_ = 0;
};

}  // namespace flowmyna
