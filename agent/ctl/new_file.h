#pragma once

#include <string>
#include <string_view>

namespace flowmyna::ctl {

/// A file that is being written under a temporary name beside its final place. There it appears
/// whole or not at all; it is removed unless it was put into place.
class NewFile {
 public:
  /// An existing file is left alone unless `replaces` is set.
  NewFile(std::string path, bool replaces);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  bool is_open() const { return fd_ >= 0; }
  bool write(std::string_view bytes);
  /// Durably: the file is synced, and so is the directory that names it.
  bool put_into_place();
  /// After one of these failed: says why on standard error, and gives the exit code.
  int report() const;

 private:
  bool rename();
  bool sync_directory() const;
  bool failed();

  std::string path_;
  std::string temporary_;
  bool replaces_;
  int fd_ = -1;
  int error_ = 0;
};

}  // namespace flowmyna::ctl
