#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "sim/exchange.h"

namespace flowmyna::sim {

/// The announced limit: so many requests of one key in a fixed window. Thread-safe.
class RateLimit {
 public:
  RateLimit(std::uint64_t requests_max, std::chrono::milliseconds window)
      : requests_max_(requests_max), window_(window) {}

  /// Counts one request of `key`, and gives the X-RateLimit headers of its answer.
  /// False: the limit is exceeded. Without a limit always true, and no headers.
  bool admit(const std::string& key, Headers& headers);

 private:
  struct Window {
    std::chrono::system_clock::time_point ends;
    std::uint64_t used = 0;
  };

  const std::uint64_t requests_max_;
  const std::chrono::milliseconds window_;
  std::mutex mutex_;
  std::unordered_map<std::string, Window> windows_;
};

}  // namespace flowmyna::sim
