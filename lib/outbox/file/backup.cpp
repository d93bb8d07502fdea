#include "outbox/file/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "outbox/tables/epoch.h"

namespace flowmyna {
namespace {

using sqlite::Connection;

constexpr int kStepPages = 128;  // half a MiB
constexpr std::uint64_t kPageBytes = 4096;
constexpr int kRestartsMax = 10;

tl::unexpected<Error> failed(const std::string& what) {
  const bool is_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  return fail(is_full ? Error::Kind::kFull : Error::Kind::kIo,
              "the backup failed: cannot " + what + ": " + std::strerror(errno));
}

/// Any error here only ends the copy: the outbox itself goes on.
tl::unexpected<Error> failed(const Error& error) {
  const bool is_full = error.kind == Error::Kind::kFull;
  return fail(is_full ? Error::Kind::kFull : Error::Kind::kIo,
              "the backup failed: " + error.message);
}

std::string path_of(const std::string& outbox_path) {
  return outbox_path + ".backup";
}

/// It needs no syncs: nothing reads the copy before it is whole, and one that is cut short is
/// thrown away. The journal's mode makes it a file that says of itself that it has no log, so a log
/// that lies beside the place where it is put back is not taken for its own.
Result<Connection> open_copy(const std::string& path) {
  auto copy = Connection::open(path, false);
  if (!copy) return copy;
  auto done = copy->execute(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
      "PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON");
  if (!done) return tl::make_unexpected(done.error());
  return copy;
}

}  // namespace

Backup::Backup(std::string path, std::uint64_t room_bytes)
    : path_(std::move(path)), room_bytes_(room_bytes) {}

Backup::~Backup() {
  if (file_ < 0) return;
  if (!progress_.is_ready) unlink(path_.c_str());
  close(file_);
}

Result<std::unique_ptr<Backup>> Backup::begin(const Connection& source,
                                              const std::string& outbox_path,
                                              std::uint64_t room_bytes) {
  std::unique_ptr<Backup> backup(new Backup(path_of(outbox_path), room_bytes));
  if (auto created = backup->create(source); !created) {
    return tl::make_unexpected(created.error());
  }
  return backup;
}

Result<void> Backup::create(const Connection& source) {
  const auto pages = source.integer("PRAGMA page_count");
  if (!pages) return failed(pages.error());
  progress_.of = static_cast<std::uint64_t>(*pages) * kPageBytes;
  if (auto room = check_room(progress_.of); !room) return room;
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file_ < 0) return failed("create " + path_);
  auto target = open_copy(path_);
  if (!target) return failed(target.error());
  target_ = *std::move(target);
  copying_.reset(sqlite3_backup_init(target_.get(), "main", source.get(), "main"));
  return copying_ ? Result<void>{} : failed(target_.error("cannot begin"));
}

/// As the reserve sees it: what is kept for root does not count.
Result<void> Backup::check_room(std::uint64_t bytes) const {
  struct statvfs disk {};
  const std::string directory = std::filesystem::path(path_).parent_path();
  if (statvfs(directory.c_str(), &disk) != 0) return failed("ask how full the disk is");
  const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free_bytes >= bytes + room_bytes_) return {};
  const auto in_mib = [](std::uint64_t number) { return std::to_string((number >> 20) + 1); };
  return fail(Error::Kind::kFull,
              "the backup needs " + in_mib(bytes + room_bytes_) +
                  " MiB of space beside the outbox while it is made, but only " +
                  std::to_string(free_bytes >> 20) + " MiB are free: make room on the disk of " +
                  directory);
}

Result<BackupProgress> Backup::step() {
  Result<void> done;
  if (copying_) {
    done = copy();
  } else if (!progress_.is_ready) {
    done = check();
  }
  if (!done) return tl::make_unexpected(done.error());
  return progress_;
}

Result<void> Backup::copy() {
  if (auto room = check_room(kStepPages * kPageBytes); !room) return room;
  const int code = sqlite3_backup_step(copying_.get(), kStepPages);
  if (code != SQLITE_OK && code != SQLITE_DONE) {
    return failed(Error{sqlite::kind_of(code), std::string("cannot copy: ") + sqlite3_errstr(code) +
                                                   " (SQLite code " + std::to_string(code) + ")"});
  }
  const auto all = static_cast<std::uint64_t>(sqlite3_backup_pagecount(copying_.get()));
  const int remaining = sqlite3_backup_remaining(copying_.get());
  const std::uint64_t copied =
      all - std::min(all, static_cast<std::uint64_t>(std::max(0, remaining)));
  if (copied <= copied_pages_ && ++restarts_ > kRestartsMax) {
    return failed(
        Error{Error::Kind::kBusy,
              "writes to the outbox were rolled back again and again; see the log, and try "
              "again once the outbox works"});
  }
  copied_pages_ = copied;
  progress_.done = copied * kPageBytes;
  progress_.of = all * kPageBytes;
  return code == SQLITE_DONE ? finish_copy() : Result<void>{};
}

Result<void> Backup::finish_copy() {
  copying_.reset();
  target_ = {};
  auto copy = open_copy(path_);
  if (!copy) return failed(copy.error());
  target_ = *std::move(copy);
  if (auto marked = mark_as_backup(target_); !marked) return failed(marked.error());
  auto check = CopyCheck::begin(target_);
  if (!check) return failed(check.error());
  check_ = *std::move(check);
  progress_.is_checking = true;
  progress_.done = 0;
  progress_.of = check_->operations();
  return {};
}

Result<void> Backup::check() {
  const auto more = check_->step();
  if (!more) return failed(more.error());
  progress_.done = check_->checked();
  if (*more) return {};
  check_.reset();
  target_ = {};
  struct stat file {};
  if (fstat(file_, &file) != 0 || unlink(path_.c_str()) != 0) return failed("finish " + path_);
  progress_.is_ready = true;
  progress_.file_bytes = static_cast<std::uint64_t>(file.st_size);
  return {};
}

Result<std::string> Backup::read(std::uint64_t from, std::size_t bytes_max) const {
  if (!progress_.is_ready) {
    return fail(Error::Kind::kInvalid, "the backup is not ready to be read yet");
  }
  const std::uint64_t left = progress_.file_bytes - std::min(progress_.file_bytes, from);
  std::string bytes(std::min<std::uint64_t>(left, bytes_max), '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t size =
        pread(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(from + done));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return failed("read what was copied");
    done += static_cast<std::size_t>(size);
  }
  return bytes;
}

void Backup::remove_remains(const std::string& outbox_path) {
  unlink(path_of(outbox_path).c_str());
  unlink((path_of(outbox_path) + "-wal").c_str());
}

}  // namespace flowmyna
