// Runs flowmyna-micro and takes what it found over, so that one report holds everything.

#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/suite.h"

namespace flowmyna::bench {

namespace {

Result<void> measure_once(Bench& bench, const Scratch& scratch) {
  const std::string out = scratch.path() + "/micro.json";
  // Once for the test of the benchmark, otherwise the library decides how often is enough.
  const bool is_tiny = bench.sizes.rounds == 1;
  auto process =
      Process::start({FLOWMYNA_MICRO, "--benchmark_out=" + out, "--benchmark_out_format=json",
                      is_tiny ? "--benchmark_min_time=0.001" : "--benchmark_min_time=0.1"},
                     {}, scratch.path() + "/log");
  if (!process) return tl::make_unexpected(process.error());
  if (process->stop(0).exit_code != 0) {
    return fail(Error::Kind::kInvalid, "flowmyna-micro: " + process->log());
  }
  std::ifstream file(out);
  const auto report = nlohmann::json::parse(file, nullptr, false);
  if (report.is_discarded()) return fail(Error::Kind::kInvalid, "flowmyna-micro: no report");
  for (const auto& run : report["benchmarks"]) {
    const std::string prefix = "micro." + run["name"].get<std::string>();
    bench.figures.add(prefix + ".ns_per_operation", 1e9 / run["items_per_second"].get<double>());
    for (const std::string counter : {"allocations", "allocated_bytes"}) {
      if (run.contains(counter)) {
        bench.figures.add(prefix + "." + counter, run[counter].get<double>());
      }
    }
  }
  return {};
}

}  // namespace

/// In rounds, as everything: what is compared is measured within seconds.
Result<void> measure_micro(Bench& bench) {
  const Scratch scratch(bench.place.data);
  for (unsigned round = 0; round < bench.sizes.load_rounds; ++round) {
    bench.progress("micro");
    if (auto done = measure_once(bench, scratch); !done) return done;
  }
  return {};
}

}  // namespace flowmyna::bench
