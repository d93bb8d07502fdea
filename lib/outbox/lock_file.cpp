#include "outbox/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

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
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) {
    return fail(Error::Kind::kIo, "cannot open " + path + ": " + std::strerror(errno) +
                                      "; check that the directory exists and is writable");
  }
  LockFile lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    return fail(Error::Kind::kBusy, "another agent (pid " + read_pid(descriptor) +
                                        ") uses the outbox " + outbox_path +
                                        ": stop it, or set outbox.path to another file");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  // In this order a full disk is no obstacle to a second start: the block is there already.
  if (pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()) ||
      ftruncate(descriptor, static_cast<off_t>(pid.size())) != 0) {
    return fail(Error::Kind::kIo, "cannot write " + path + ": " + std::strerror(errno));
  }
  return lock;
}

LockFile::~LockFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace flowmyna
