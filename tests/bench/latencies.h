#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace flowmyna::bench {

/// How long each answer took. Keeps every one (8 bytes each), so that a percentile is exact: a
/// histogram's error would be of the size of what is compared here.
class Latencies {
 public:
  void add(std::chrono::nanoseconds latency) { all_.push_back(latency); }
  std::size_t count() const { return all_.size(); }
  /// The smallest latency that `percent` of all do not exceed, in milliseconds; 0 without any.
  double percentile_ms(double percent);

 private:
  std::vector<std::chrono::nanoseconds> all_;
};

}  // namespace flowmyna::bench
