#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "stand_in/dialect.h"
#include "stand_in/exchange.h"

namespace flowmyna::stand_in {

/// The announced limit: so many requests of one key in a fixed window. Thread-safe.
class RateLimit {
 public:
  /// Counts one request of `key`, and gives what its answer says of the limit: the X-RateLimit
  /// headers, or what `rate_says` has instead. `now` is the server's.
  /// False: the limit is exceeded. Without a limit always true, and no headers.
  bool admit(const std::string& key, const Limits& limits,
             std::chrono::system_clock::time_point now, Headers& headers);

 private:
  struct Window {
    std::chrono::system_clock::time_point ends;
    std::uint64_t used = 0;
  };

  std::mutex mutex_;
  std::unordered_map<std::string, Window> windows_;
};

}  // namespace flowmyna::stand_in
