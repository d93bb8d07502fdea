#pragma once

#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace flowmyna {

/// When the outbox may be asked again after it refused something.
class StorageRetry {
 public:
  explicit StorageRetry(const Clock& clock) : clock_(clock) {}

  /// It could not do `what`, which the log is told; from now on it is left alone for a while.
  void refused(std::string_view what, const Error& error);
  BootTime at() const { return at_; }

 private:
  const Clock& clock_;
  BootTime at_{0};
};

}  // namespace flowmyna
