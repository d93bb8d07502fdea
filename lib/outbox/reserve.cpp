#include "outbox/reserve.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

namespace flowmyna {
namespace {

/// Whether the disk has twice as much: enough to set it aside and not be full at once again. What
/// is kept for root does not count.
bool has_room(const std::string& path, std::uint64_t bytes) {
  struct statvfs disk {};
  const std::string directory = std::filesystem::path(path).parent_path();
  if (statvfs(directory.c_str(), &disk) != 0) return false;
  return std::uint64_t{disk.f_bavail} * disk.f_frsize >= 2 * bytes;
}

}  // namespace

bool Reserve::is_there() const {
  std::error_code error;
  return std::filesystem::exists(path_, error);
}

bool Reserve::take() {
  if (is_held_) return true;
  if (was_given_up_ && !has_room(path_, bytes_)) return false;
  const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return false;
  is_held_ = posix_fallocate(file, 0, static_cast<off_t>(bytes_)) == 0;
  close(file);
  if (!is_held_) give_up();
  return is_held_;
}

void Reserve::give_up() {
  unlink(path_.c_str());
  is_held_ = false;
  was_given_up_ = true;
}

}  // namespace flowmyna
