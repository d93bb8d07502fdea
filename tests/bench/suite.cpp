#include "bench/suite.h"

#include <signal.h>

#include <thread>

namespace flowmyna::bench {

Sizes Sizes::quick() {
  Sizes sizes;
  sizes.load_rounds = 3;
  sizes.load_s = 1;
  sizes.drain_operations = 200'000;
  sizes.slow_drain_operations = 30'000;
  sizes.large_backlog = 500'000;
  return sizes;
}

Sizes Sizes::tiny() {
  Sizes sizes;
  sizes.rounds = 1;
  sizes.load_rounds = 1;
  sizes.load_s = 0.02;
  sizes.settle_s = 0;
  sizes.connections = {1, 4};
  sizes.syncs_longer = {std::chrono::milliseconds{20}};
  sizes.drain_operations = 2000;
  sizes.slow_drain_operations = 1000;
  sizes.hot_objects = 10;
  sizes.small_backlog = 2000;
  sizes.large_backlog = 4000;
  sizes.with_peers = false;
  return sizes;
}

const std::vector<Section>& sections() {
  static const std::vector<Section> kSections = {
      {"limits", "the disk's and SQLite's limits", &measure_limits},
      {"writers", "answers a second beside the ceiling and the peers", &measure_writers},
      {"slow", "64 writers on slower disks", &measure_slow_disks},
      {"api", "writers while the API is up, down and hanging", &measure_api_states},
      {"durability", "what reaches the disk, full and relaxed", &measure_durability},
      {"busy", "writers while a backlog drains", &measure_busy},
      {"drains", "drains at 0, 50 and 200 ms, and of hot objects", &measure_drains},
      {"backlog", "drain, memory and start with a large backlog", &measure_backlog},
      {"instructions", "what an operation executes in the agent", &measure_instructions},
      {"micro", "codec, patches, planner, rows", &measure_micro}};
  return kSections;
}

std::string slow_disk_name(std::chrono::microseconds longer) {
  return std::to_string(longer.count()) + "us";
}

bool has_peer(const Bench& bench, const std::string& program) {
  return bench.sizes.with_peers && is_installed(program);
}

std::chrono::nanoseconds in_ns(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(seconds));
}

Result<void> measure_load(Bench& bench, const std::string& prefix, Server server,
                          const LoadOptions& options, const Wire& wire) {
  bench.progress(prefix);
  LoadOptions here = options;
  here.socket = server.socket;
  const auto cpu_before = server.process.usage().cpu;
  auto result = run_load(here, wire);
  if (!result) {
    return fail(result.error().kind,
                prefix + ": " + result.error().message + "\n" + server.process.log());
  }
  const std::chrono::duration<double, std::micro> cpu = server.process.usage().cpu - cpu_before;
  const Memory memory = server.process.memory();
  const double written = server.process.stop(SIGTERM).written_bytes;
  if (result->refused > 0 || result->operations == 0) {
    return fail(Error::Kind::kInvalid, prefix + ": " + std::to_string(result->refused) +
                                           " requests were refused\n" + server.process.log());
  }
  const auto operations = static_cast<double>(result->operations);
  Figures& figures = bench.figures;
  add_load_figures(figures, prefix, *result);
  figures.add(prefix + ".unanswered", static_cast<double>(result->unanswered));
  figures.add(prefix + ".cpu_us_per_operation", cpu.count() / operations);
  figures.add(prefix + ".written_bytes_per_operation", written / operations);
  figures.add(prefix + ".resident_bytes", memory.resident);
  figures.add(prefix + ".anonymous_bytes", memory.anonymous);
  std::this_thread::sleep_for(in_ns(bench.sizes.settle_s));
  return {};
}

}  // namespace flowmyna::bench
