#include "bench/figures.h"

#include <algorithm>

namespace flowmyna::bench {
namespace {

double median_of(std::vector<double> runs) {
  std::ranges::sort(runs);
  const std::size_t middle = runs.size() / 2;
  if (runs.size() % 2 == 1) return runs[middle];
  return (runs[middle - 1] + runs[middle]) / 2;
}

}  // namespace

std::optional<double> Figures::median(const std::string& name) const {
  const auto found = runs_.find(name);
  if (found == runs_.end()) return std::nullopt;
  return median_of(found->second);
}

std::optional<double> Figures::ratio(const std::string& one, const std::string& other) const {
  const auto ones = runs_.find(one);
  const auto others = runs_.find(other);
  if (ones == runs_.end() || others == runs_.end()) return std::nullopt;
  if (ones->second.size() != others->second.size()) return bench::ratio(median(one), median(other));
  std::vector<double> ratios;
  for (std::size_t round = 0; round < ones->second.size(); ++round) {
    if (others->second[round] != 0) ratios.push_back(ones->second[round] / others->second[round]);
  }
  if (ratios.empty()) return std::nullopt;
  return median_of(std::move(ratios));
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
