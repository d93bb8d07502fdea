// Answers a second: the agent beside the bare ceiling and the peers, in turn within each round.

#include "bench/suite.h"

namespace flowmyna::bench {
namespace {

// Python answers no faster with more threads, and starts one for each connection.
constexpr unsigned kPythonConnectionsMax = 64;

constexpr std::size_t kNdjsonBatch = 1000;

LoadOptions load_of(const Bench& bench, unsigned connections) {
  LoadOptions options;
  options.connections = connections;
  options.duration = in_ns(bench.sizes.load_s);
  return options;
}

/// Starts somebody and measures a load on him.
Result<void> measure(Bench& bench, const std::string& prefix, Result<Server> server,
                     unsigned connections, const Wire& wire) {
  if (!server) return fail(server.error().kind, prefix + ": " + server.error().message);
  return measure_load(bench, prefix, *std::move(server), load_of(bench, connections), wire);
}

/// Everybody once, in figures named `section.WHO.variant`.
Result<void> measure_one_round(Bench& bench, const Place& place, const std::string& section,
                               const std::string& variant, unsigned connections) {
  const auto http = http_wire(Messages());
  const auto redis = redis_wire(Messages());
  const auto name = [&](const char* who) { return section + "." + who + "." + variant; };
  auto done = measure(bench, name("ceiling"), start_ceiling(place), connections, *http);
  if (done && has_peer(bench, "redis-server")) {
    done = measure(bench, name("redis"), start_redis(place), connections, *redis);
  }
  if (done && has_peer(bench, "python3") && connections <= kPythonConnectionsMax) {
    done = measure(bench, name("python"), start_python(place), connections, *http);
  }
  if (!done) return done;
  return measure(bench, name("agent"), start_agent(place, {kNobody}), connections, *http);
}

}  // namespace

Result<void> measure_writers(Bench& bench) {
  const auto ndjson = http_wire(Messages(), kNdjsonBatch);
  for (unsigned round = 0; round < bench.sizes.load_rounds; ++round) {
    for (const unsigned connections : bench.sizes.connections) {
      auto done = measure_one_round(bench, bench.place, "writers", std::to_string(connections),
                                    connections);
      if (!done) return done;
    }
    auto done =
        measure(bench, "writers.agent.ndjson", start_agent(bench.place, {kNobody}), 1, *ndjson);
    // What the agent is held against, in the same minute: the limits may have had a better one.
    for (const unsigned rows : {64U, 512U, 1000U}) {
      if (done) done = measure_sqlite_rows(bench, "writers.sqlite." + std::to_string(rows), rows);
    }
    if (!done) return done;
  }
  return {};
}

Result<void> measure_slow_disks(Bench& bench) {
  const unsigned connections = 64;
  for (unsigned round = 0; round < bench.sizes.load_rounds; ++round) {
    for (const auto longer : bench.sizes.syncs_longer) {
      const Place place{bench.place.data, longer};
      auto done = measure_one_round(bench, place, "slow", slow_disk_name(longer), connections);
      if (!done) return done;
    }
  }
  return {};
}

Result<void> measure_api_states(Bench& bench) {
  const auto up = start_sink(bench.place, {});
  const auto hanging = start_sink(bench.place, {"--hang"});
  if (!up) return tl::make_unexpected(up.error());
  if (!hanging) return tl::make_unexpected(hanging.error());
  const auto http = http_wire(Messages());
  const unsigned connections = 64;
  for (unsigned round = 0; round < bench.sizes.load_rounds; ++round) {
    const std::pair<const char*, std::string> states[] = {
        {"api.up", up->url}, {"api.down", kNobody}, {"api.hanging", hanging->url}};
    for (const auto& [name, url] : states) {
      auto done = measure(bench, name, start_agent(bench.place, {url}), connections, *http);
      if (!done) return done;
    }
  }
  return {};
}

Result<void> measure_durability(Bench& bench) {
  const auto single = http_wire(Messages());
  const auto ndjson = http_wire(Messages(), kNdjsonBatch);
  for (unsigned round = 0; round < bench.sizes.load_rounds; ++round) {
    for (const std::string durability : {"full", "relaxed"}) {
      const struct {
        const char* name;
        unsigned connections;
        const Wire& wire;
      } loads[] = {{".1", 1, *single}, {".64", 64, *single}, {".ndjson", 1, *ndjson}};
      for (const auto& [name, connections, wire] : loads) {
        std::string prefix = "durability.";
        prefix.append(durability).append(name);
        auto done = measure(bench, prefix, start_agent(bench.place, {kNobody, durability}),
                            connections, wire);
        if (!done) return done;
      }
    }
  }
  return {};
}

}  // namespace flowmyna::bench
