// What must not depend on the backlog: the drain's rate, memory, and the time to be ready.

#include <signal.h>

#include "bench/drain.h"
#include "bench/stream_socket.h"
#include "bench/suite.h"

namespace flowmyna::bench {
namespace {

Result<void> measure_small(Bench& bench, const Api& api) {
  bench.progress("backlog.small");
  const auto agent = start_agent(bench.place, {api.url});
  if (!agent) return tl::make_unexpected(agent.error());
  const auto operations = bench.sizes.small_backlog;
  if (auto filled = fill(*agent, Messages(), operations); !filled) return filled;
  const auto drained = drain(*agent, operations);
  if (!drained) return tl::make_unexpected(drained.error());
  bench.figures.add("backlog.small.operations_per_s", drained->operations_per_s);
  return {};
}

/// The time from the start of a process that was killed until it answers.
Result<double> time_to_be_ready_ms(Server& agent, const std::string& api_url) {
  agent.process.stop(SIGKILL);
  const auto begun = std::chrono::steady_clock::now();
  if (auto started = restart_agent(agent, {api_url}); !started) {
    return tl::make_unexpected(started.error());
  }
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
      .count();
}

/// An agent with the large backlog that was killed and started again; nothing of it has left.
Result<Server> start_with_large_backlog(Bench& bench, const std::string& api_url) {
  bench.progress("backlog.large, filling");
  auto agent = start_agent(bench.place, {api_url});
  if (!agent) return agent;
  if (auto filled = fill(*agent, Messages(), bench.sizes.large_backlog); !filled) {
    return tl::make_unexpected(filled.error());
  }
  Figures& figures = bench.figures;
  figures.add("backlog.large.idle_anonymous_bytes", agent->process.memory().anonymous);
  const auto ready = time_to_be_ready_ms(*agent, api_url);
  if (!ready) return tl::make_unexpected(ready.error());
  figures.add("backlog.large.ready_ms", *ready);
  figures.add("backlog.large.started_anonymous_bytes", agent->process.memory().anonymous);
  if (auto paused = ask(agent->socket, "POST", "/agent/v1/pause"); !paused) {
    return tl::make_unexpected(paused.error());
  }
  return agent;
}

/// As many operations of the large backlog as the small one has.
Result<void> measure_large(Bench& bench, const Server& agent) {
  bench.progress("backlog.large");
  const auto drained = drain(agent, bench.sizes.small_backlog);
  if (!drained) return tl::make_unexpected(drained.error());
  if (auto paused = ask(agent.socket, "POST", "/agent/v1/pause"); !paused) {
    return tl::make_unexpected(paused.error());
  }
  Figures& figures = bench.figures;
  figures.add("backlog.large.operations_per_s", drained->operations_per_s);
  figures.add("backlog.large.draining_anonymous_bytes", drained->anonymous_bytes_max);
  figures.add("backlog.large.draining_resident_bytes", drained->resident_bytes_max);
  return {};
}

}  // namespace

Result<void> measure_backlog(Bench& bench) {
  // The API's address before there is an API, so that nothing leaves while it is not timed.
  auto api = start_sink(bench.place, {});
  if (!api) return tl::make_unexpected(api.error());
  const std::string port = api->port;
  api->process.stop(SIGTERM);
  const auto agent = start_with_large_backlog(bench, api->url);
  if (!agent) return tl::make_unexpected(agent.error());
  api = start_sink(bench.place, {"--port", port});
  if (!api) return tl::make_unexpected(api.error());
  for (unsigned round = 0; round < bench.sizes.rounds; ++round) {
    if (auto done = measure_small(bench, *api); !done) return done;
    if (auto done = measure_large(bench, *agent); !done) return done;
  }
  return {};
}

}  // namespace flowmyna::bench
