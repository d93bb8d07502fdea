#include "outbox/disk/database_lock.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "outbox/disk/disk_error.h"

namespace flowmyna {
namespace {

// Of an SQLite database: PENDING, RESERVED and SHARED, all of which an exclusive lock takes.
constexpr off_t kLocksAt = 0x40000000;
constexpr off_t kLockBytes = 512;

// linux/magic.h has no name for it.
constexpr decltype(statfs::f_type) kCifsMagic = 0xff534d42;

/// There a flock is an fcntl lock of all bytes (flock(2)), which SQLite's own would run into.
bool has_flock(int descriptor) {
  struct statfs found {};
  if (fstatfs(descriptor, &found) != 0) return true;
  return found.f_type != NFS_SUPER_MAGIC && found.f_type != kCifsMagic &&
         found.f_type != SMB2_SUPER_MAGIC;
}

/// Who holds one of SQLite's locks; 0: nobody.
pid_t holder(int descriptor) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kLocksAt;
  lock.l_len = kLockBytes;
  if (fcntl(descriptor, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return 0;
  return lock.l_pid;
}

/// Who holds a flock: "1: FLOCK ADVISORY WRITE 708 08:01:1234 0 EOF" (proc_locks(5)). 0: that is
/// not to be had.
pid_t holder_of_flock(int descriptor) {
  struct stat file {};
  if (fstat(descriptor, &file) != 0) return 0;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream in(line);
    std::string number, kind, mode, access, pid, place;
    in >> number >> kind >> mode >> access >> pid >> place;
    const auto inode = place.rfind(':');
    if (kind != "FLOCK" || inode == std::string::npos) continue;
    if (place.substr(inode + 1) == std::to_string(file.st_ino)) return std::stoi(pid);
  }
  return 0;
}

tl::unexpected<Error> busy(const std::string& path, pid_t other) {
  return fail(Error::Kind::kBusy, "another program (" + name_of_process(other) +
                                      ") has the outbox " + path +
                                      " open: stop it, or set outbox.path to another directory");
}

}  // namespace

std::string name_of_process(int pid) {
  if (pid <= 0) return "of another machine or container";
  std::ifstream in("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(in, name);
  return name + (name.empty() ? "pid " : ", pid ") + std::to_string(pid);
}

Result<DatabaseLock> DatabaseLock::acquire(const std::string& path, bool may_create) {
  const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (may_create ? O_CREAT : 0);
  DatabaseLock lock(open(path.c_str(), flags, 0600));
  if (lock.descriptor_ < 0) {
    if (errno == ENOENT && !may_create) return lock;
    return disk_error("open " + path);
  }
  if (const pid_t other = holder(lock.descriptor_); other != 0) return busy(path, other);
  if (!has_flock(lock.descriptor_) || flock(lock.descriptor_, LOCK_EX | LOCK_NB) == 0) return lock;
  return busy(path, holder_of_flock(lock.descriptor_));
}

DatabaseLock::~DatabaseLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace flowmyna
