#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "core/result.h"

namespace flowmyna {

/// Notices when a file may be another one or hold something else, however that is done: written in
/// place, replaced by a rename, deleted, made readable, created where there was none, or reached
/// through a symbolic link that is replaced (Kubernetes swaps `..data`, a link beside the file's
/// own link).
///
/// inotify(7) watches directories, not the file: the directory of the file, the directory of each
/// link on the way to it, and where a part of the path is missing, the last directory that exists.
/// After every change the path is walked again. A file that is being written is no news until it is
/// closed. On a network file system inotify is silent: `look` compares what stat(2) says. One
/// thread uses it.
class FileWatch {
 public:
  /// Watches nothing yet. `what` is to be watched, `instead` is done without a watch: both in
  /// words, for the error.
  static Result<FileWatch> open(const std::string& what, const std::string& instead);
  FileWatch(FileWatch&& other) noexcept;
  FileWatch& operator=(FileWatch&&) = delete;
  ~FileWatch();

  /// Watches this file and no other from now on; an empty path: none.
  void set_file(const std::filesystem::path& file);
  const std::filesystem::path& file() const { return file_; }
  /// Becomes readable when something may have changed.
  int fd() const { return fd_; }
  /// Takes what inotify reports. Returns whether the file may have changed.
  bool drain();
  /// Whether the file is another one, or has other times, than when it was last looked at.
  bool look();

 private:
  explicit FileWatch(int fd) : fd_(fd) {}
  void watch_way();
  bool walk();
  void watch_name(const std::filesystem::path& directory, const std::string& name);
  bool concerns(int watch, const std::string& name) const;

  int fd_;
  std::filesystem::path file_;                  // absolute, or empty
  std::map<int, std::set<std::string>> names_;  // that matter, by watched directory
  std::string last_look_;
};

}  // namespace flowmyna
