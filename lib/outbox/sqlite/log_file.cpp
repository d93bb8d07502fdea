#include "outbox/sqlite/log_file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <vector>

#include "outbox/disk/disk_error.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {
namespace {

constexpr std::size_t kPieceBytes = 64U << 10;  // SQLite writes less than 128 KiB at a time

/// A file as SQLite opens it: with its own way of syncing, and through whatever stands in between.
class File {
 public:
  explicit File(const std::string& path)
      : vfs_(sqlite3_vfs_find(nullptr)),
        memory_(static_cast<std::size_t>(vfs_->szOsFile) / sizeof(std::max_align_t) + 1),
        handle_(reinterpret_cast<sqlite3_file*>(memory_.data())) {
    // The kind for which SQLite wants neither locks nor the database beside it.
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_SUPER_JOURNAL;
    code_ = vfs_->xOpen(vfs_, path.c_str(), handle_, flags, &flags);
  }
  ~File() {
    if (handle_->pMethods != nullptr) handle_->pMethods->xClose(handle_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// SQLite's code for how it went.
  int rewrite() {
    sqlite3_int64 size = 0;
    if (code_ == SQLITE_OK) code_ = methods().xFileSize(handle_, &size);
    if (size == 0) return code_;
    std::vector<char> piece(kPieceBytes);
    for (sqlite3_int64 at = 0; code_ == SQLITE_OK && at < size; at += std::ssize(piece)) {
      const int bytes = static_cast<int>(std::min<sqlite3_int64>(std::ssize(piece), size - at));
      code_ = methods().xRead(handle_, piece.data(), bytes, at);
      if (code_ == SQLITE_OK) code_ = methods().xWrite(handle_, piece.data(), bytes, at);
    }
    if (code_ != SQLITE_OK) return code_;
    return methods().xSync(handle_, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
  }

 private:
  const sqlite3_io_methods& methods() const { return *handle_->pMethods; }

  sqlite3_vfs* vfs_;
  std::vector<std::max_align_t> memory_;
  sqlite3_file* handle_;
  int code_ = SQLITE_OK;
};

}  // namespace

Result<void> rewrite_file(const std::string& path) {
  if (FilePlace::of(path).is_nowhere()) return {};
  const int code = sqlite::code_of(File(path).rewrite());
  if (code == SQLITE_OK) return {};
  return fail(sqlite::kind_of(code), "cannot make sure that the disk holds " + path + ": " +
                                         sqlite3_errstr(code) + " (SQLite code " +
                                         std::to_string(code) +
                                         "); check the disk and the file's permissions");
}

void keep_inode(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file >= 0) close(file);
}

bool preallocate_log(const std::string& path, std::uint64_t bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return false;
  const bool is_refused = fallocate(file, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) != 0 &&
                          is_want_of_room(errno);
  close(file);
  return !is_refused;
}

FilePlace FilePlace::of(const std::string& path) {
  // Not `stat`: who has asked when a file was written gets a finer time from the next write (Linux
  // 6.13 and later), and each sync would write the inode besides, for which it waits once more.
  struct statx found {};
  if (statx(AT_FDCWD, path.c_str(), 0, STATX_INO, &found) != 0) {
    return {.is_unknown = errno != ENOENT && errno != ENOTDIR};
  }
  return {makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino};
}

}  // namespace flowmyna
