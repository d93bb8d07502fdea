#pragma once

#include <algorithm>
#include <cstdint>
#include <iostream>

#include "simulation.h"

namespace flowmyna::simulation {

/// The lines of the event log that a failing run prints, unless it was asked for alone.
constexpr std::size_t kTraceLines = 200;

/// Runs it once more and prints the end of its event log.
inline void print_failure(const Scenario& scenario, std::size_t lines_max) {
  const Outcome outcome = Simulation(scenario, true).run();
  const std::size_t size = outcome.trace.size();
  const std::size_t begin = size > lines_max ? size - lines_max : 0;
  if (begin > 0) std::cerr << outcome.trace.front() << "\n…\n";
  for (std::size_t i = begin; i < size; ++i) std::cerr << outcome.trace[i] << '\n';
}

}  // namespace flowmyna::simulation
