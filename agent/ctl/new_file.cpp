#include "agent/ctl/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "agent/ctl/format.h"
#include "agent/ctl/session.h"

namespace flowmyna::ctl {

NewFile::NewFile(std::string path, bool replaces)
    : path_(std::move(path)), temporary_(path_ + ".XXXXXX"), replaces_(replaces) {
  if (!replaces_ && ::access(path_.c_str(), F_OK) == 0) {
    error_ = EEXIST;
    return;
  }
  fd_ = ::mkstemp(temporary_.data());
  if (fd_ < 0) failed();
}

NewFile::~NewFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

bool NewFile::failed() {
  error_ = errno;
  return false;
}

bool NewFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool NewFile::put_into_place() {
  if (::fsync(fd_) != 0 || !rename()) return failed();
  temporary_.clear();
  return sync_directory() || failed();
}

bool NewFile::rename() {
  const unsigned flags = replaces_ ? 0 : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), flags) == 0) return true;
  // A file system that cannot promise it; that there was no such file was seen at the beginning.
  return errno == EINVAL && ::rename(temporary_.c_str(), path_.c_str()) == 0;
}

bool NewFile::sync_directory() const {
  const std::string directory = std::filesystem::path(path_).parent_path().string();
  const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (fd < 0) return false;
  const bool is_synced = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  return is_synced;
}

int NewFile::report() const {
  const std::string why =
      error_ == EEXIST ? "it already exists; --force replaces it" : std::strerror(error_);
  std::cerr << "flowmynactl: cannot write " << printable(path_) << ": " << why << '\n';
  return kExitFailed;
}

}  // namespace flowmyna::ctl
