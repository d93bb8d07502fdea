#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "bench/figures.h"
#include "bench/server.h"
#include "core/result.h"

namespace flowmyna::bench {

/// How much of everything. Alternated rounds, not long ones, are what makes a noisy machine's
/// figures comparable.
struct Sizes {
  unsigned rounds = 3;       ///< of drains
  unsigned load_rounds = 7;  ///< of loads and limits, which take less time
  double load_s = 1.5;
  double settle_s = 0.2;  ///< between two servers, so that one's last writes are not the next one's
  std::vector<unsigned> connections = {1, 8, 64, 256};
  std::vector<std::chrono::microseconds> syncs_longer = {
      std::chrono::microseconds{200}, std::chrono::microseconds{1000}};  ///< of slower disks
  std::uint64_t drain_operations = 500'000;
  std::uint64_t slow_drain_operations = 500'000;  ///< where the API has a latency
  std::uint64_t hot_objects = 1000;
  std::uint64_t small_backlog = 50'000;
  std::uint64_t large_backlog = 5'000'000;
  bool with_peers = true;  ///< redis and Python, where they are installed

  static Sizes quick();
  static Sizes tiny();  ///< for the test of the benchmark itself; its figures mean nothing
};

/// What the sections work with and add to.
struct Bench {
  Sizes sizes;
  Place place;
  Figures& figures;
  /// Told what is measured next.
  std::function<void(const std::string&)> progress;
};

/// One part of the benchmark. What cannot be measured (a peer that is not installed) is left out;
/// what fails is an error.
struct Section {
  const char* name;
  const char* what;
  Result<void> (*run)(Bench& bench);
};

/// All of them, in the order in which they run.
const std::vector<Section>& sections();

/// The end of the names of figures that were taken on a disk whose syncs take so much longer.
std::string slow_disk_name(std::chrono::microseconds longer);

// limits.cpp
Result<void> measure_limits(Bench& bench);
// writers.cpp
Result<void> measure_writers(Bench& bench);
Result<void> measure_slow_disks(Bench& bench);
Result<void> measure_api_states(Bench& bench);
Result<void> measure_durability(Bench& bench);
// drains.cpp
Result<void> measure_busy(Bench& bench);
Result<void> measure_drains(Bench& bench);
// backlog.cpp
Result<void> measure_backlog(Bench& bench);
// instructions.cpp
Result<void> measure_instructions(Bench& bench);
// micro_figures.cpp
Result<void> measure_micro(Bench& bench);

/// A load on a server, its figures, and what the server used for it, below `prefix`. The server is
/// ended afterwards: what it wrote is known only then.
Result<void> measure_load(Bench& bench, const std::string& prefix, Server server,
                          const LoadOptions& options, const Wire& wire);

/// SQLite alone with so many rows a commit, and its figures below `prefix`.
Result<void> measure_sqlite_rows(Bench& bench, const std::string& prefix, unsigned rows);

/// Whether a peer that needs this program is measured.
bool has_peer(const Bench& bench, const std::string& program);

std::chrono::nanoseconds in_ns(double seconds);

}  // namespace flowmyna::bench
