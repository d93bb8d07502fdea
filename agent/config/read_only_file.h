#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>

namespace flowmyna {

/// A file that is to be read, or why it cannot be.
class ReadOnlyFile {
 public:
  /// Opens without blocking, even a pipe that nobody writes to.
  explicit ReadOnlyFile(const std::filesystem::path& path)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), open_error_(errno) {}
  ~ReadOnlyFile() {
    if (fd_ >= 0) close(fd_);
  }
  ReadOnlyFile(const ReadOnlyFile&) = delete;
  ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;

  /// As read(2), but -errno when that or the opening fails.
  ssize_t read(char* bytes, std::size_t size) const {
    if (fd_ < 0) return -open_error_;
    const ssize_t got = ::read(fd_, bytes, size);
    return got < 0 ? -errno : got;
  }
  /// By the group or by everybody.
  bool can_be_read_by_others() const {
    struct stat info {};
    return fstat(fd_, &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)) != 0;
  }

 private:
  int fd_;
  int open_error_;
};

}  // namespace flowmyna
