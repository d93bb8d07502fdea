// The storage's copies: backups that are made of it, and what it does when it is one itself.

#include <spdlog/spdlog.h>

#include <utility>

#include "outbox/disk/set_aside.h"
#include "outbox/file/epoch_end.h"
#include "outbox/file/sqlite_storage.h"

namespace flowmyna {
namespace {

/// What is read of a backup at once: less than a millisecond's worth.
constexpr std::size_t kBackupPieceBytes = 256U << 10;

}  // namespace

Result<void> SqliteStorage::set_strange_log_aside() {
  const auto moved = flowmyna::set_strange_log_aside(options_.path, unix_now_s());
  if (!moved) return tl::make_unexpected(moved.error());
  if (!moved->empty()) {
    spdlog::warn(
        "outbox: {} was put there without removing the log of the file that it replaces, "
        "which is kept as {}",
        options_.path, *moved);
  }
  return {};
}

/// Checks that the file is the one that was last here, on this machine; if not, a new epoch begins.
Result<void> SqliteStorage::look_at_past() {
  const auto file = Provenance::read(open_->connection);
  if (!file) return tl::make_unexpected(file.error());
  // What was salvaged may be behind the file from which it comes, and it is known what is lost.
  const auto seen = std::exchange(was_salvaged_, false) ? std::nullopt : seen_.read();
  const Departure departure = departure_of(*file, seen, options_.machine);
  if (departure == Departure::kElsewhere && options_.discards_clone) return set_clone_aside();
  Result<void> done;
  if (departure != Departure::kNone) {
    done = end_epoch(*open_, *file, seen, options_);
    if (done) spdlog::warn("outbox: {}", describe(departure, options_.path));
    if (done) done = load();
  } else if (file->machine.empty() && !options_.machine.empty()) {
    done = settle_down(open_->connection, options_.machine);
    // On a full disk the next start does it.
    if (!done && done.error().kind == Error::Kind::kFull) done = {};
  }
  const auto now = done ? Provenance::read(open_->connection)
                        : Result<Provenance>(tl::make_unexpected(done.error()));
  if (!now) return tl::make_unexpected(now.error());
  mark_ = now->mark;
  if (seen != mark_) note_seen();
  return {};
}

/// An image with the outbox of another device in it: only that device should deliver what waits
/// there.
Result<void> SqliteStorage::set_clone_aside() {
  open_->connection.keep_log_on_close(false);  // all of it in one file
  open_.reset();
  const auto kept_as = flowmyna::set_clone_aside(options_.path, unix_now_s());
  if (!kept_as) return tl::make_unexpected(kept_as.error());
  spdlog::warn(
      "outbox: {} was copied from another machine and is set aside as {} "
      "(outbox.on_clone); the agent begins with an empty outbox",
      options_.path, *kept_as);
  return {};
}

/// Notes only what is durable, so that after a power cut the outbox is never older than its mark.
/// Failing to write it is no reason to stop: it may never be needed.
void SqliteStorage::note_seen() {
  mark_.highest = committed_.highest;
  mark_.settled = committed_.settled();
  noted_ = mark_.highest + mark_.settled;
  if (auto done = seen_.write(mark_); !done) spdlog::debug("outbox: {}", done.error().message);
}

SqliteStorage::~SqliteStorage() {
  backup_.reset();
  if (!open_ || notice_displacement() || is_log_taken_away()) return;
  if (open_->connection.checkpoint()) note_seen();
  open_.reset();  // removes the log
  keep_inode(log_path_);
}

Result<void> SqliteStorage::begin_backup() {
  if (!open_) return fail(Error::Kind::kIo, "the outbox is not open");
  backup_.reset();
  // Twice the size of the reserve stays free, so that the backup does not fill the disk.
  auto begun = Backup::begin(open_->connection, options_.path, 2 * quota_.set_aside_bytes());
  if (!begun) return tl::make_unexpected(begun.error());
  backup_ = *std::move(begun);
  return {};
}

Result<BackupProgress> SqliteStorage::continue_backup() {
  if (!backup_) return no_backup();
  auto progress = backup_->step();
  if (!progress) backup_.reset();
  return progress;
}

Result<std::string> SqliteStorage::read_backup(std::uint64_t from) {
  return backup_ ? backup_->read(from, kBackupPieceBytes) : no_backup();
}

}  // namespace flowmyna
