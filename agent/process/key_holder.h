#pragma once

#include <mutex>
#include <string>
#include <utility>

#include "agent/config/secret.h"

namespace flowmyna {

/// The key that delivery uses, or why there is none; exchangeable while it runs. Any thread.
class KeyHolder {
 public:
  KeyHolder(Secret key, std::string problem) : key_(std::move(key)), problem_(std::move(problem)) {}
  /// Returns whether it differs from the previous key.
  bool set(const Secret& key) {
    const std::lock_guard lock(mutex_);
    problem_.clear();
    if (key_.reveal() == key.reveal()) return false;
    key_ = key;
    return true;
  }
  /// The configured source gives no usable key. A previous key stays; returns whether there is
  /// none.
  bool lack(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    if (!key_.empty()) return false;
    problem_ = problem;
    return true;
  }
  /// Empty when there is a key, or none was promised.
  std::string problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
  }
  std::string reveal() const {
    const std::lock_guard lock(mutex_);
    return std::string(key_.reveal());
  }

 private:
  mutable std::mutex mutex_;
  Secret key_;           // under mutex_
  std::string problem_;  // under mutex_
};

}  // namespace flowmyna
