#include "outbox/disk/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>

#include "outbox/disk/disk_error.h"

namespace flowmyna {
namespace {

std::string read_pid(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t size = pread(descriptor, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const auto end = pid.find_first_not_of("0123456789");
  pid.resize(end == std::string::npos ? pid.size() : end);
  return pid.empty() ? "unknown" : pid;
}

}  // namespace

Result<LockFile> LockFile::acquire(const std::string& outbox_path) {
  const std::string path = outbox_path + ".lock";
  LockFile lock(path, open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.descriptor_ < 0) return disk_error("open " + path);
  if (flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    return fail(Error::Kind::kBusy, "another agent (pid " + read_pid(lock.descriptor_) +
                                        ") uses the outbox " + outbox_path +
                                        ": stop it, or set outbox.path to another directory");
  }
  return lock;
}

Result<void> LockFile::sign() const {
  const std::string pid = std::to_string(getpid()) + "\n";
  // In this order a full disk is no obstacle to a second start: the block is there already.
  if (pwrite(descriptor_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()) ||
      ftruncate(descriptor_, static_cast<off_t>(pid.size())) != 0) {
    return disk_error("write " + path_);
  }
  return {};
}

LockFile::~LockFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace flowmyna
