#pragma once

#include <string>
#include <utility>

#include "core/result.h"

namespace flowmyna {

/// Held while an agent owns an outbox, so that a second one finds out at once and by name. An
/// flock on `<path>.lock`, which also holds the owner's pid; the kernel drops the lock with its
/// process, so a lock of a dead one is no obstacle. The file itself stays: removing it would let
/// two agents lock two different files of one name; where somebody does, DatabaseLock holds.
class LockFile {
 public:
  /// kBusy with the other's pid when it is held. Writes nothing.
  static Result<LockFile> acquire(const std::string& outbox_path);
  /// Writes this process's pid into it.
  Result<void> sign() const;
  ~LockFile();
  LockFile(LockFile&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(other.descriptor_) {
    other.descriptor_ = -1;
  }
  LockFile& operator=(LockFile&&) = delete;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  LockFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::string path_;
  int descriptor_;
};

}  // namespace flowmyna
