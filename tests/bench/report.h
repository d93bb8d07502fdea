#pragma once

#include <string>

#include "bench/figures.h"
#include "bench/suite.h"

namespace flowmyna::bench {

/// What a reader needs to judge the figures by.
struct Circumstances {
  std::string date;
  std::string command;
  std::string machine;  ///< processor, cores, memory, kernel, file system
  Sizes sizes;

  static Circumstances of_now(std::string command, const Place& place, const Sizes& sizes);
};

/// The report for people: Markdown tables of medians, with ratios and the targets.
std::string markdown_report(const Figures& figures, const Circumstances& circumstances);

/// The report for programs: every run of every figure, the medians, and the targets.
std::string json_report(const Figures& figures, const Circumstances& circumstances);

/// Throughput and latency over connections, as an SVG image of its own.
std::string svg_plot(const Figures& figures, const Circumstances& circumstances);

}  // namespace flowmyna::bench
