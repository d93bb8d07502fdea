// How quickly a backlog leaves, and what writers notice of it.

#include <signal.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/drain.h"
#include "bench/suite.h"

namespace flowmyna::bench {
namespace {

constexpr unsigned kBusyConnections = 64;

/// The agent drains `operations` to an API of this latency.
Result<void> drain_agent(Bench& bench, const std::string& prefix, unsigned latency_ms,
                         Messages messages, std::uint64_t operations) {
  bench.progress(prefix);
  const auto api = start_sink(bench.place, {"--latency-ms", std::to_string(latency_ms)});
  if (!api) return tl::make_unexpected(api.error());
  const auto agent = start_agent(bench.place, {api->url});
  if (!agent) return tl::make_unexpected(agent.error());
  if (auto filled = fill(*agent, messages, operations); !filled) return filled;
  const auto cpu_before = agent->process.usage().cpu;
  const auto api_cpu_before = api->process.usage().cpu;
  const auto drained = drain(*agent, operations);
  if (!drained) return tl::make_unexpected(drained.error());
  const auto count = static_cast<double>(operations);
  const std::chrono::duration<double, std::micro> cpu = agent->process.usage().cpu - cpu_before;
  const std::chrono::duration<double, std::micro> api_cpu =
      api->process.usage().cpu - api_cpu_before;
  bench.figures.add(prefix + ".operations_per_s", drained->operations_per_s);
  bench.figures.add(prefix + ".cpu_us_per_operation", cpu.count() / count);
  bench.figures.add(prefix + ".api_cpu_us_per_operation", api_cpu.count() / count);
  bench.figures.add(prefix + ".anonymous_bytes", drained->anonymous_bytes_max);
  return {};
}

/// Runs a command of the Python outbox to its end; what it printed.
Result<std::string> run_python(const Bench& bench, const std::vector<std::string>& arguments) {
  const Scratch scratch(bench.place.data);
  std::vector<std::string> command = {"python3", python_outbox_script()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto process = Process::start(command, {}, scratch.path() + "/log");
  if (!process) return tl::make_unexpected(process.error());
  if (process->stop(0).exit_code != 0) {
    return fail(Error::Kind::kInvalid, "the Python outbox: " + process->log());
  }
  return process->log();
}

Result<void> drain_python(Bench& bench, const std::string& prefix, unsigned latency_ms,
                          std::uint64_t operations) {
  bench.progress(prefix);
  const auto api = start_sink(bench.place, {"--latency-ms", std::to_string(latency_ms)});
  if (!api) return tl::make_unexpected(api.error());
  const Scratch scratch(bench.place.data);
  const std::string database = scratch.path() + "/outbox.db";
  auto printed = run_python(bench, {"fill", database, std::to_string(operations)});
  if (printed) printed = run_python(bench, {"drain", database, api->port});
  if (!printed) return tl::make_unexpected(printed.error());
  const auto outcome = nlohmann::json::parse(*printed);
  bench.figures.add(prefix + ".operations_per_s",
                    outcome["operations"].get<double>() / outcome["seconds"].get<double>());
  return {};
}

/// 64 writers for a while, or until the backlog has gone.
Result<LoadResult> load_beside(const Bench& bench, const Server& agent,
                               const std::atomic<bool>* stop) {
  LoadOptions options;
  options.socket = agent.socket;
  options.connections = kBusyConnections;
  options.duration = in_ns(bench.sizes.load_s);
  options.stop = stop;
  options.first = 1'000'000'000;  // objects of their own
  return run_load(options, *http_wire(Messages()));
}

Result<void> measure_busy_once(Bench& bench) {
  const auto api = start_sink(bench.place, {});
  if (!api) return tl::make_unexpected(api.error());
  const auto agent = start_agent(bench.place, {api->url});
  if (!agent) return tl::make_unexpected(agent.error());
  const auto operations = bench.sizes.drain_operations;
  if (auto filled = fill(*agent, Messages(), operations); !filled) return filled;

  bench.progress("busy.paused");
  auto paused = load_beside(bench, *agent, nullptr);
  if (!paused) return tl::make_unexpected(paused.error());
  add_load_figures(bench.figures, "busy.paused", *paused);

  bench.progress("busy.draining");
  std::atomic<bool> has_gone = false;
  Result<DrainResult> drained;
  std::thread drainer([&] {
    drained = drain(*agent, operations);
    has_gone = true;
  });
  auto draining = load_beside(bench, *agent, &has_gone);
  drainer.join();
  if (!draining) return tl::make_unexpected(draining.error());
  if (!drained) return tl::make_unexpected(drained.error());
  add_load_figures(bench.figures, "busy.draining", *draining);
  bench.figures.add("busy.draining.drained_per_s", drained->operations_per_s);
  return {};
}

}  // namespace

Result<void> measure_busy(Bench& bench) {
  for (unsigned round = 0; round < bench.sizes.load_rounds; ++round) {
    if (auto done = measure_busy_once(bench); !done) return done;
  }
  return {};
}

Result<void> measure_drains(Bench& bench) {
  const Sizes& sizes = bench.sizes;
  const bool has_python = has_peer(bench, "python3");
  Result<void> done;
  for (unsigned round = 0; done && round < sizes.rounds; ++round) {
    done = drain_agent(bench, "drain.agent.0ms", 0, Messages(), sizes.drain_operations);
    if (done && has_python)
      done = drain_python(bench, "drain.python.0ms", 0, sizes.drain_operations);
    if (done) {
      done = drain_agent(bench, "drain.hot.0ms", 0, Messages(sizes.hot_objects),
                         sizes.drain_operations);
    }
  }
  // The latency decides, not the machine: once is enough.
  const auto slow = sizes.slow_drain_operations;
  if (done) done = drain_agent(bench, "drain.agent.50ms", 50, Messages(), slow);
  if (done && has_python) done = drain_python(bench, "drain.python.50ms", 50, slow / 5);
  if (done) done = drain_agent(bench, "drain.agent.200ms", 200, Messages(), slow);
  return done;
}

}  // namespace flowmyna::bench
