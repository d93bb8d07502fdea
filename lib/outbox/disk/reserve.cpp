#include "outbox/disk/reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "outbox/disk/disk_room.h"

namespace flowmyna {
namespace {

constexpr std::chrono::seconds kBetweenTries{1};

constexpr std::uint64_t kParts = 8;

/// Whether the disk has twice as much: enough to set it aside and not be full at once again.
bool has_room(const std::string& path, std::uint64_t bytes) {
  return disk_room(path) >= 2 * bytes;
}

}  // namespace

bool Reserve::is_there() const {
  std::error_code error;
  return std::filesystem::exists(path_, error);
}

bool Reserve::take(Time now) {
  if (is_held_) return true;
  if (was_given_up_ && (now < next_try_ || !has_room(path_, bytes_))) return false;
  const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return false;
  is_held_ = posix_fallocate(file, 0, static_cast<off_t>(bytes_)) == 0;
  close(file);
  if (is_held_) return true;
  remove();
  next_try_ = now + kBetweenTries;
  return false;
}

void Reserve::give_up(const std::function<bool()>& has_used) {
  for (std::uint64_t part = kParts; is_there() && part-- > 0;) {
    (void)!truncate(path_.c_str(), static_cast<off_t>(bytes_ * part / kParts));
    if (has_used()) break;
  }
  remove();
}

void Reserve::remove() {
  // Some file systems (xfs) free the blocks of an unlinked file later; then whoever fills the disk
  // is quicker.
  (void)!truncate(path_.c_str(), 0);
  unlink(path_.c_str());
  is_held_ = false;
  was_given_up_ = true;
}

}  // namespace flowmyna
