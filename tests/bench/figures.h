#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/load.h"
#include "bench/process.h"

namespace flowmyna::bench {

/// What was measured, by names such as "writers.agent.64.p50_ms": the unit stands last. A figure
/// that is measured several times counts as its median, since one run on a noisy machine says
/// little.
class Figures {
 public:
  void add(const std::string& name, double value) { runs_[name].push_back(value); }
  std::optional<double> median(const std::string& name) const;
  /// How many times the other the one is. Where both were measured in each round it is the median
  /// of the rounds' own ratios: a machine's slow minutes then count for both.
  std::optional<double> ratio(const std::string& one, const std::string& other) const;
  const std::map<std::string, std::vector<double>>& runs() const { return runs_; }

 private:
  std::map<std::string, std::vector<double>> runs_;
};

/// Adds what a load found, below `prefix`: operations_per_s, p50_ms, p99_ms and p999_ms.
void add_load_figures(Figures& figures, const std::string& prefix, LoadResult& result);

/// Nothing when one side was not measured.
std::optional<double> ratio(std::optional<double> one, std::optional<double> other);

}  // namespace flowmyna::bench
