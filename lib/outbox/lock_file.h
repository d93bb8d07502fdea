#pragma once

#include <string>

#include "core/result.h"

namespace flowmyna {

/// Held while an agent owns an outbox, so that a second one finds out at once and by name. An
/// flock on `<path>.lock`, which also holds the owner's pid; the kernel drops the lock with its
/// process, so a lock of a dead one is no obstacle. The file itself stays: removing it would let
/// two agents lock two different files of one name.
class LockFile {
 public:
  /// kBusy with the other's pid when it is held.
  static Result<LockFile> acquire(const std::string& outbox_path);
  ~LockFile();
  LockFile(LockFile&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  LockFile& operator=(LockFile&&) = delete;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace flowmyna
