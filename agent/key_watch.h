#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "core/result.h"

namespace flowmyna {

/// Notices when the file that holds the key may hold another one, however that is done: written in
/// place, replaced by a rename, made readable, created where there was none, or reached through a
/// symbolic link that is replaced (Kubernetes swaps `..data`, a link beside the file's own link).
///
/// inotify(7) watches directories, not the file: the one in which the file lies, each one in which
/// a link on the way to it lies, and where the way ends too early, the one in which it would go on.
/// After every change the way is walked anew. A file that is being written is no news until it is
/// closed. On a network file system inotify is silent: `look` compares what stat(2) says.
/// One thread uses it.
class KeyWatch {
 public:
  /// Watches nothing yet.
  static Result<KeyWatch> open();
  KeyWatch(KeyWatch&& other) noexcept;
  KeyWatch& operator=(KeyWatch&&) = delete;
  ~KeyWatch();

  /// Watches this file and no other from now on; an empty path: none.
  void set_file(const std::filesystem::path& file);
  const std::filesystem::path& file() const { return file_; }
  /// Becomes readable when something may have changed.
  int fd() const { return fd_; }
  /// Takes what inotify reports. Whether the key may be another one.
  bool drain();
  /// Whether the file is another one, or has other times, than at the last look.
  bool look();

 private:
  explicit KeyWatch(int fd) : fd_(fd) {}
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
