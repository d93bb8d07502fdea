#include "outbox/disk/disk_room.h"

#include <sys/statvfs.h>

#include <filesystem>

namespace flowmyna {

std::uint64_t disk_room(const std::string& path) {
  struct statvfs disk {};
  const std::string directory = std::filesystem::path(path).parent_path();
  if (statvfs(directory.c_str(), &disk) != 0) return 0;
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

}  // namespace flowmyna
