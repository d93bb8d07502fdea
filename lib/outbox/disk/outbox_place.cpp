#include "outbox/disk/outbox_place.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "outbox/disk/disk_error.h"

namespace flowmyna {
namespace {

tl::unexpected<Error> misplaced(std::string message) {
  return fail(Error::Kind::kInvalid, std::move(message));
}

Result<void> check_directory(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return disk_error("open " + path);
  if (!S_ISDIR(found.st_mode)) {
    return misplaced(path + " is not a directory: set outbox.path to one");
  }
  // It is not enough that existing files can be opened: salvage and the reserve make new ones.
  if (faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return disk_error("write to " + path);
  }
  if (found.st_uid != geteuid() && found.st_uid != 0) {
    return misplaced("the outbox's directory " + path + " belongs to user " +
                     std::to_string(found.st_uid) + ", who could replace the outbox: chown it to " +
                     std::to_string(geteuid()) +
                     ", the agent's user, or set outbox.path to another directory");
  }
  // A group of the agent's own has nobody else in it.
  const bool is_open_to_group = (found.st_mode & S_IWGRP) != 0 && found.st_gid != getegid();
  if (is_open_to_group || (found.st_mode & S_IWOTH) != 0) {
    return misplaced("others may write to the outbox's directory " + path +
                     " and could replace the outbox: chmod go-w " + path);
  }
  return {};
}

const char* kind_of(const struct stat& file) {
  if (S_ISLNK(file.st_mode)) return "a symbolic link";
  return S_ISDIR(file.st_mode) ? "a directory" : "not a regular file";
}

/// Whoever opens a pipe may wait for ever, and whoever follows a link writes somewhere else.
Result<void> check_file(const std::string& path, const std::string& name) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? Result<void>{} : disk_error("open " + path);
  }
  if (S_ISREG(found.st_mode)) return {};
  return misplaced(name + " is " + kind_of(found) +
                   ": move it away, or set outbox.path to another directory");
}

}  // namespace

Result<void> check_place(const std::string& path) {
  auto done = check_directory(std::filesystem::path(path).parent_path());
  if (done) done = check_file(path, "the outbox " + path);
  for (const char* suffix : {"-wal", ".lock", ".reserve"}) {
    if (done) done = check_file(path + suffix, path + suffix);
  }
  return done;
}

std::uint64_t file_bytes_max(const std::string& path) {
  std::uint64_t most = UINT64_MAX;
  struct rlimit limit {};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    most = limit.rlim_cur;
  }
  struct statfs found {};
  const std::string directory = std::filesystem::path(path).parent_path();
  const bool is_vfat = statfs(directory.c_str(), &found) == 0 && found.f_type == MSDOS_SUPER_MAGIC;
  return is_vfat ? std::min<std::uint64_t>(most, UINT32_MAX) : most;
}

void write_in_place(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path();
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  int flags = 0;
  if (ioctl(descriptor, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_NOCOW_FL) == 0) {
    flags |= FS_NOCOW_FL;
    (void)ioctl(descriptor, FS_IOC_SETFLAGS, &flags);  // refused where it means nothing
  }
  close(descriptor);
}

}  // namespace flowmyna
