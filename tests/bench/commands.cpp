#include "bench/commands.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/bare_database.h"
#include "bench/ceiling.h"
#include "bench/disk.h"
#include "bench/load.h"
#include "bench/process.h"
#include "bench/report.h"
#include "bench/sink.h"
#include "bench/suite.h"

namespace flowmyna::bench {
namespace {

using Json = nlohmann::ordered_json;

int failed(const Error& error) {
  std::fprintf(stderr, "flowmyna-bench: %s\n", error.message.c_str());
  return 1;
}

int print(const Json& figures) {
  std::printf("%s\n", figures.dump(2).c_str());
  return 0;
}

Json percentiles(Latencies& latencies) {
  return {{"p50_ms", latencies.percentile_ms(50)},
          {"p99_ms", latencies.percentile_ms(99)},
          {"p999_ms", latencies.percentile_ms(99.9)}};
}

}  // namespace

int load_command(const LoadCommand& command) {
  const Messages messages(command.objects);
  const auto wire =
      command.protocol == "redis" ? redis_wire(messages) : http_wire(messages, command.batch);
  LoadOptions options;
  options.socket = command.socket;
  options.connections = command.connections;
  options.duration = in_ns(command.seconds);
  if (command.operations > 0) options.operations = command.operations;
  const auto cpu_before = usage_of(command.pid).cpu;
  auto result = run_load(options, *wire);
  if (!result) return failed(result.error());
  const std::chrono::duration<double, std::micro> cpu = usage_of(command.pid).cpu - cpu_before;

  Json figures = {{"operations", result->operations},
                  {"refused_requests", result->refused},
                  {"unanswered_requests", result->unanswered},
                  {"seconds", result->seconds},
                  {"operations_per_s", result->operations_per_s()}};
  figures.update(percentiles(result->latencies));
  if (command.pid > 0) {
    const Memory memory = memory_of(command.pid);
    figures["cpu_us_per_operation"] = cpu.count() / static_cast<double>(result->operations);
    figures["resident_bytes"] = memory.resident;
    figures["anonymous_bytes"] = memory.anonymous;
  }
  return print(figures);
}

int disk_command(const DiskCommand& command) {
  Json figures;
  const std::pair<const char*, DiskWrite> ways[] = {{"growing", DiskWrite::kGrowing},
                                                    {"preallocated", DiskWrite::kPreallocated},
                                                    {"overwritten", DiskWrite::kOverwritten}};
  for (const auto& [name, way] : ways) {
    auto latencies = measure_disk(command.directory, way, in_ns(command.seconds));
    if (!latencies) return failed(latencies.error());
    figures[name] = percentiles(*latencies);
  }
  return print(figures);
}

int sqlite_command(const SqliteCommand& command) {
  Json figures;
  for (const unsigned rows : command.rows) {
    const auto measured = measure_sqlite(command.directory, rows, in_ns(command.seconds));
    if (!measured) return failed(measured.error());
    figures[std::to_string(rows)] = {{"rows_per_s", measured->rows_per_s},
                                     {"written_bytes_per_row", measured->written_bytes_per_row},
                                     {"cpu_us_per_row", measured->cpu_us_per_row}};
  }
  return print(figures);
}

int ceiling_command(const CeilingCommand& command) {
  const auto served = serve_ceiling(command.socket, command.database);
  return served ? 0 : failed(served.error());
}

int sink_command(const SinkCommand& command) {
  SinkOptions options;
  options.port = command.port;
  options.latency = std::chrono::milliseconds(command.latency_ms);
  options.hangs = command.hangs;
  const auto served = serve_sink(options, [](std::uint16_t port) {
    std::printf("ready port=%u\n", static_cast<unsigned>(port));
    std::fflush(stdout);
  });
  return served ? 0 : failed(served.error());
}

int all_command(const AllCommand& command) {
  const Sizes sizes = command.is_tiny ? Sizes::tiny() : command.is_quick ? Sizes::quick() : Sizes();
  std::filesystem::create_directories(command.out);
  const Place place{std::filesystem::absolute(command.out)};
  Figures figures;
  Bench bench{sizes, place, figures,
              [](const std::string& what) { std::fprintf(stderr, "%s\n", what.c_str()); }};
  int exit_code = 0;
  for (const Section& section : sections()) {
    const bool is_wanted =
        command.only.empty() || std::ranges::find(command.only, section.name) != command.only.end();
    if (!is_wanted) continue;
    // What the other sections found is worth a report.
    if (auto done = section.run(bench); !done) exit_code = failed(done.error());
  }
  const Circumstances circumstances = Circumstances::of_now(command.command, place, sizes);
  const std::string markdown = markdown_report(figures, circumstances);
  std::ofstream(place.data + "/report.md") << markdown;
  std::ofstream(place.data + "/report.json") << json_report(figures, circumstances);
  std::ofstream(place.data + "/plot.svg") << svg_plot(figures, circumstances);
  std::printf("%s\n%s/report.md, report.json and plot.svg\n", markdown.c_str(), place.data.c_str());
  return exit_code;
}

}  // namespace flowmyna::bench
