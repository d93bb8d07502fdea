#include "bench/figures.h"

#include <algorithm>

namespace flowmyna::bench {

std::optional<double> Figures::median(const std::string& name) const {
  const auto found = runs_.find(name);
  if (found == runs_.end()) return std::nullopt;
  std::vector<double> sorted = found->second;
  std::ranges::sort(sorted);
  const std::size_t middle = sorted.size() / 2;
  if (sorted.size() % 2 == 1) return sorted[middle];
  return (sorted[middle - 1] + sorted[middle]) / 2;
}

void add_load_figures(Figures& figures, const std::string& prefix, LoadResult& result) {
  figures.add(prefix + ".operations_per_s", result.operations_per_s());
  figures.add(prefix + ".p50_ms", result.latencies.percentile_ms(50));
  figures.add(prefix + ".p99_ms", result.latencies.percentile_ms(99));
  figures.add(prefix + ".p999_ms", result.latencies.percentile_ms(99.9));
}

std::optional<double> ratio(std::optional<double> one, std::optional<double> other) {
  if (!one || !other || *other == 0) return std::nullopt;
  return *one / *other;
}

}  // namespace flowmyna::bench
