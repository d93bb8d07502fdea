#include "bench/targets.h"

namespace flowmyna::bench {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

// What the agent may have under way by default (api.max_in_flight), and the API's items a request.
constexpr double kInFlight = 8;
constexpr double kItems = 100;

/// Reads medians by short names.
class Medians {
 public:
  explicit Medians(const Figures& figures) : figures_(figures) {}
  std::optional<double> operator()(const std::string& name) const { return figures_.median(name); }
  std::optional<double> ratio(const std::string& one, const std::string& other) const {
    return figures_.ratio(one, other);
  }
  std::optional<double> part(const std::string& name, double whole) const {
    return bench::ratio(figures_.median(name), whole);
  }

 private:
  const Figures& figures_;
};

void add_writer_targets(std::vector<Target>& out, const Medians& of) {
  const auto answers = [&of](const char* who, const char* connections) {
    return of.ratio(std::string("writers.agent.") + connections + ".operations_per_s",
                    std::string("writers.") + who + "." + connections + ".operations_per_s");
  };
  const auto slow_answers = [&of](const char* who) {
    return of.ratio("slow.agent.200us.operations_per_s",
                    std::string("slow.") + who + ".200us.operations_per_s");
  };
  out.push_back({"answers/s, 64 connections, to the ceiling", answers("ceiling", "64"), 0.75});
  out.push_back({"answers/s, 64 connections, to redis", answers("redis", "64"), 1.2});
  const std::string slow = "answers/s, 64 connections, each sync 0.2 ms longer, to ";
  out.push_back({slow + "the ceiling", slow_answers("ceiling"), 0.75});
  out.push_back({slow + "redis", slow_answers("redis"), 1.2});
  out.push_back({"answers/s, 8 connections, to the ceiling", answers("ceiling", "8"), 0.8});
  out.push_back({"answers/s, 8 connections, to redis", answers("redis", "8"), 1.0});
  out.push_back({"p50 of a lone writer, to the ceiling",
                 of.ratio("writers.agent.1.p50_ms", "writers.ceiling.1.p50_ms"), 1.25, false});
  out.push_back({"p99, 64 connections, while a backlog drains, to without",
                 of.ratio("busy.draining.p99_ms", "busy.paused.p99_ms"), 2, false});
  out.push_back({"NDJSON of 1,000, one connection, to SQLite at 512 rows a commit",
                 of.ratio("writers.agent.ndjson.operations_per_s", "writers.sqlite.512.rows_per_s"),
                 0.7});
  out.push_back({"bytes to disk, 64 connections, to SQLite at 64 rows a commit",
                 of.ratio("writers.agent.64.written_bytes_per_operation",
                          "writers.sqlite.64.written_bytes_per_row"),
                 1.15, false});
  out.push_back({"bytes to disk, NDJSON of 1,000, to SQLite at 1,000 rows a commit",
                 of.ratio("writers.agent.ndjson.written_bytes_per_operation",
                          "writers.sqlite.1000.written_bytes_per_row"),
                 1.15, false});
  out.push_back({"CPU an operation, 64 connections", of("writers.agent.64.cpu_us_per_operation"),
                 16, false, "µs"});
}

void add_delivery_targets(std::vector<Target>& out, const Medians& of) {
  out.push_back({"drain, API at 0 ms", of("drain.agent.0ms.operations_per_s"), 120'000, true,
                 "operations/s"});
  out.push_back({"drain, API at 0 ms, to the Python outbox",
                 of.ratio("drain.agent.0ms.operations_per_s", "drain.python.0ms.operations_per_s"),
                 1.4});
  out.push_back({"drain, API at 50 ms, to in flight × 100 / latency",
                 of.part("drain.agent.50ms.operations_per_s", kInFlight * kItems / 0.050), 0.95});
  out.push_back({"drain, API at 200 ms, to in flight × 100 / latency",
                 of.part("drain.agent.200ms.operations_per_s", kInFlight * kItems / 0.200), 0.95});
  out.push_back({"drain with a large backlog, to a small one",
                 of.ratio("backlog.large.operations_per_s", "backlog.small.operations_per_s"),
                 0.9});
  out.push_back({"resident, draining a large backlog",
                 of.part("backlog.large.draining_resident_bytes", kMiB), 24, false, "MiB"});
  out.push_back({"planning and composing hot upserts, to reading them",
                 of.ratio("micro.plan_window/hot.ns_per_operation",
                          "micro.read_backlog_hot.ns_per_operation"),
                 1, false});
}

}  // namespace

std::vector<Target> targets(const Figures& figures) {
  const Medians of(figures);
  std::vector<Target> out;
  add_writer_targets(out, of);
  add_delivery_targets(out, of);
  return out;
}

}  // namespace flowmyna::bench
