#include "bench/report.h"

#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/targets.h"

namespace flowmyna::bench {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

/// Three digits that mean something; thousands apart, as in "12,300".
std::string number(std::optional<double> value) {
  if (!value) return "–";
  char text[64];
  if (*value == 0 || std::fabs(*value) < 100) {
    const int decimals = std::fabs(*value) < 1 ? 3 : std::fabs(*value) < 10 ? 2 : 1;
    std::snprintf(text, sizeof text, "%.*f", decimals, *value);
    return text;
  }
  const double unit = std::pow(10, std::floor(std::log10(*value)) - 2);
  std::snprintf(text, sizeof text, "%.0f", std::round(*value / unit) * unit);
  std::string digits = text;
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string row(std::initializer_list<std::string> cells) {
  std::string out = "|";
  for (const std::string& cell : cells) out += " " + cell + " |";
  return out + "\n";
}

std::string table_head(std::initializer_list<std::string> cells) {
  std::string out = row(cells) + "|";
  for (std::size_t i = 0; i < cells.size(); ++i) out += i == 0 ? " --- |" : " ---: |";
  return out + "\n";
}

class Report {
 public:
  explicit Report(const Figures& figures) : figures_(figures) {}

  std::string limits() const {
    std::string out =
        "### The limits\n\n" + table_head({"write of 4 KiB + fdatasync", "p50 ms", "p99 ms"});
    for (const char* way : {"growing", "preallocated", "overwritten"}) {
      const std::string name = std::string("disk.") + way;
      out += row({way, of(name + ".p50_ms"), of(name + ".p99_ms")});
    }
    out += "\n" + table_head({"SQLite alone, rows a commit", "rows/s", "bytes to disk a row",
                              "CPU µs a row"});
    for (const char* rows : {"1", "8", "64", "512", "1000", "4096"}) {
      const std::string name = std::string("sqlite.") + rows;
      out += row({rows, of(name + ".rows_per_s"), of(name + ".written_bytes_per_row"),
                  of(name + ".cpu_us_per_row")});
    }
    return out + "\n";
  }

  std::string writers(const std::vector<unsigned>& connections) const {
    std::string out = "### Durable answers\n\nThe agent's API is down meanwhile.\n\n" +
                      load_table_head("connections");
    for (const unsigned count : connections) {
      for (const char* who : {"ceiling", "redis", "python", "agent"}) {
        const std::string end = "." + std::to_string(count);
        out += load_row(std::to_string(count), who, std::string("writers.") + who + end,
                        "writers.agent" + end);
      }
    }
    out += load_row("1, NDJSON of 1,000", "agent", "writers.agent.ndjson", "");
    return out + "\n";
  }

  std::string slow_disks(const std::vector<std::chrono::microseconds>& longer) const {
    std::string out =
        "### 64 connections on slower disks\n\n" + load_table_head("each sync longer by");
    for (const auto by : longer) {
      const std::string end = "." + slow_disk_name(by);
      for (const char* who : {"ceiling", "redis", "python", "agent"}) {
        out += load_row(number(static_cast<double>(by.count()) / 1000) + " ms", who,
                        std::string("slow.") + who + end, "slow.agent" + end);
      }
    }
    return out + "\n";
  }

  std::string states() const {
    std::string out = "### 64 connections in other circumstances\n\n" +
                      table_head({"circumstance", "answers/s", "p50 ms", "p99 ms", "p99.9 ms"});
    const std::pair<const char*, const char*> rows[] = {
        {"the API takes everything", "api.up"},
        {"the API refuses connections", "api.down"},
        {"the API never answers", "api.hanging"},
        {"a backlog waits, delivery paused", "busy.paused"},
        {"a backlog drains", "busy.draining"}};
    for (const auto& [what, name] : rows) {
      out += row({what, of(name, ".operations_per_s"), of(name, ".p50_ms"), of(name, ".p99_ms"),
                  of(name, ".p999_ms")});
    }
    return out + "\n";
  }

  std::string durability() const {
    std::string out = "### What reaches the disk\n\n" +
                      table_head({"writers", "durability", "operations/s", "bytes to disk each"});
    for (const char* load : {"1", "64", "ndjson"}) {
      for (const char* durability : {"full", "relaxed"}) {
        const std::string name = std::string("durability.") + durability + "." + load;
        out += row({load, durability, of(name + ".operations_per_s"),
                    of(name + ".written_bytes_per_operation")});
      }
    }
    return out + "\n";
  }

  std::string drains() const {
    std::string out = "### Drains\n\n" +
                      table_head({"what", "operations/s", "CPU µs each", "the API's CPU µs each"});
    const std::pair<const char*, const char*> rows[] = {
        {"API at 0 ms", "drain.agent.0ms"},
        {"the Python outbox, API at 0 ms", "drain.python.0ms"},
        {"hot objects, API at 0 ms", "drain.hot.0ms"},
        {"API at 50 ms", "drain.agent.50ms"},
        {"the Python outbox, API at 50 ms", "drain.python.50ms"},
        {"API at 200 ms", "drain.agent.200ms"},
        {"a small backlog", "backlog.small"},
        {"as many of a large backlog", "backlog.large"}};
    for (const auto& [what, name] : rows) {
      out += row({what, of(name, ".operations_per_s"), of(name, ".cpu_us_per_operation"),
                  of(name, ".api_cpu_us_per_operation")});
    }
    out += "\n" + table_head({"with the large backlog", ""});
    out += row({"ms until a killed agent answers again", of("backlog.large", ".ready_ms")});
    out += row({"resident MiB, draining", mib("backlog.large.draining_resident_bytes")});
    out += row({"of it anonymous", mib("backlog.large.draining_anonymous_bytes")});
    out += row({"anonymous MiB after filling it", mib("backlog.large.idle_anonymous_bytes")});
    out += row({"anonymous MiB after the start", mib("backlog.large.started_anonymous_bytes")});
    return out + "\n";
  }

  std::string instructions() const {
    std::string out = "### Instructions of the agent, in user space, as callgrind counts them\n\n" +
                      table_head({"writers", "an operation"});
    const std::pair<const char*, const char*> rows[] = {
        {"1", "1"}, {"64", "64"}, {"1, NDJSON of 1,000", "ndjson"}};
    for (const auto& [who, name] : rows) {
      out += row({who, of(std::string("instructions.agent.") + name, ".per_operation")});
    }
    return out + "\n";
  }

  std::string micro() const {
    std::string out = "### An operation's own costs\n\n" +
                      table_head({"what", "ns", "allocations", "bytes allocated"});
    const std::string begin = "micro.";
    const std::string end = ".ns_per_operation";
    for (const auto& [name, runs] : figures_.runs()) {
      if (!name.starts_with(begin) || !name.ends_with(end)) continue;
      const std::string what = name.substr(0, name.size() - end.size());
      out += row({"`" + what.substr(begin.size()) + "`", of(name), of(what + ".allocations"),
                  of(what + ".allocated_bytes")});
    }
    return out + "\n";
  }

 private:
  std::string of(const std::string& name) const { return number(figures_.median(name)); }
  std::string of(const std::string& name, const char* unit) const { return of(name + unit); }
  std::string mib(const std::string& name) const {
    return number(ratio(figures_.median(name), kMiB));
  }

  static std::string load_table_head(const std::string& first) {
    return table_head({first, "who", "answers/s", "agent to it", "p50 ms", "p99 ms", "p99.9 ms",
                       "CPU µs each", "bytes to disk each", "resident MiB"});
  }

  std::string load_row(const std::string& connections, const std::string& who,
                       const std::string& name, const std::string& agent) const {
    const auto times = figures_.ratio(agent + ".operations_per_s", name + ".operations_per_s");
    return row({connections, who, of(name + ".operations_per_s"),
                agent == name || !times ? "" : number(times) + " ×", of(name + ".p50_ms"),
                of(name + ".p99_ms"), of(name + ".p999_ms"), of(name + ".cpu_us_per_operation"),
                of(name + ".written_bytes_per_operation"), mib(name + ".resident_bytes")});
  }

  const Figures& figures_;
};

std::string bound_of(const Target& target) {
  return (target.is_minimum ? "≥ " : "≤ ") + number(target.bound) +
         (target.unit.empty() ? " ×" : " " + target.unit);
}

std::string verdict_on(const Target& target) {
  if (!target.value) return "not measured";
  return target.is_met() ? "met" : "**not met**";
}

std::string target_table(const Figures& figures) {
  std::string out = "### Targets\n\n" + table_head({"figure", "target", "measured", ""});
  for (const Target& target : targets(figures)) {
    out += row({target.what, bound_of(target), number(target.value), verdict_on(target)});
  }
  return out;
}

/// A server that keeps a writer waiting for ever has no latency to show for it.
std::string unanswered(const Figures& figures) {
  std::string out;
  const std::string end = ".unanswered";
  for (const auto& [name, runs] : figures.runs()) {
    if (!name.ends_with(end)) continue;
    const double count = std::accumulate(runs.begin(), runs.end(), 0.0);
    if (count == 0) continue;
    out += "**Requests without an answer within 10 s**: " + number(count) + " of `" +
           name.substr(0, name.size() - end.size()) + "`.\n";
  }
  return out.empty() ? out : out + "\n";
}

std::string peers_left_out() {
  std::string out;
  for (const auto& [program, name] :
       {std::pair{"redis-server", "redis"}, {"python3", "python"}, {"valgrind", "instructions"}}) {
    if (!is_installed(program)) {
      out += std::string("Not measured, since it is not installed: ") + name + ".\n";
    }
  }
  return out.empty() ? out : out + "\n";
}

}  // namespace

std::string markdown_report(const Figures& figures, const Circumstances& circumstances) {
  const Report report(figures);
  const Sizes& sizes = circumstances.sizes;
  return "Measured " + circumstances.date + " with `" + circumstances.command +
         "`: " + circumstances.machine + ".\nMedians of " + std::to_string(sizes.load_rounds) +
         " loads of " + number(sizes.load_s) + " s and " + std::to_string(sizes.rounds) +
         " drains, in turn; a ratio is the median of the rounds' own. Messages of " +
         std::to_string(kMessageBytes) + " bytes; drains of " +
         number(static_cast<double>(sizes.drain_operations)) + " and " +
         number(static_cast<double>(sizes.slow_drain_operations)) +
         " (with a latency), backlogs of " + number(static_cast<double>(sizes.small_backlog)) +
         " and " + number(static_cast<double>(sizes.large_backlog)) + " operations.\n\n" +
         peers_left_out() + unanswered(figures) + target_table(figures) + "\n" +
         report.writers(sizes.connections) + report.slow_disks(sizes.syncs_longer) +
         report.states() + report.durability() + report.drains() + report.instructions() +
         report.micro() + report.limits();
}

std::string json_report(const Figures& figures, const Circumstances& circumstances) {
  nlohmann::ordered_json out = {{"date", circumstances.date},
                                {"command", circumstances.command},
                                {"machine", circumstances.machine}};
  for (const Target& target : targets(figures)) {
    auto& entry = out["targets"].emplace_back();
    entry["figure"] = target.what;
    entry[target.is_minimum ? "at_least" : "at_most"] = target.bound;
    entry["unit"] = target.unit;
    if (target.value) {
      entry["measured"] = *target.value;
      entry["met"] = target.is_met();
    }
  }
  for (const auto& [name, runs] : figures.runs()) {
    out["figures"][name] = {{"median", *figures.median(name)}, {"runs", runs}};
  }
  return out.dump(2) + "\n";
}

}  // namespace flowmyna::bench
