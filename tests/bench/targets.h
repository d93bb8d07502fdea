#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/figures.h"

namespace flowmyna::bench {

/// What the agent has to reach, as far as possible as a ratio to something that was measured in the
/// same run: absolute figures say more about the machine.
struct Target {
  std::string what;
  std::optional<double> value;  ///< nothing when it was not measured
  double bound = 0;
  bool is_minimum = true;  ///< otherwise `bound` is a maximum
  std::string unit = {};   ///< empty for a ratio

  bool is_met() const { return value && (is_minimum ? *value >= bound : *value <= bound); }
};

std::vector<Target> targets(const Figures& figures);

}  // namespace flowmyna::bench
