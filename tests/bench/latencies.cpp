#include "bench/latencies.h"

#include <algorithm>
#include <cmath>

namespace flowmyna::bench {

double Latencies::percentile_ms(double percent) {
  if (all_.empty()) return 0;
  const double rank = std::ceil(percent / 100 * static_cast<double>(all_.size()));
  const auto index = std::clamp<std::size_t>(static_cast<std::size_t>(rank), 1, all_.size()) - 1;
  const auto nth = all_.begin() + static_cast<std::ptrdiff_t>(index);
  std::nth_element(all_.begin(), nth, all_.end());
  return std::chrono::duration<double, std::milli>(*nth).count();
}

}  // namespace flowmyna::bench
