// The benchmark's own test: it works from end to end, and its figures are there. Never how large
// they are: that is the machine's business.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/figures.h"
#include "bench/process.h"
#include "bench/report.h"
#include "bench/server.h"
#include "bench/targets.h"
#include "bench/wire.h"

namespace flowmyna::bench {
namespace {

using namespace std::chrono_literals;

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Runs `flowmyna-bench` to its end; the exit code, with what it printed in `printed`.
int run_bench(const Scratch& scratch, std::vector<std::string> arguments, std::string& printed) {
  arguments.insert(arguments.begin(), FLOWMYNA_BENCH);
  auto process = Process::start(arguments, {}, scratch.path() + "/printed");
  if (!process) return -1;
  const int exit_code = process->stop(0).exit_code;
  printed = process->log();
  return exit_code;
}

/// What each section adds at least, whether peers are installed or not.
std::vector<std::string> expected_figures() {
  std::vector<std::string> names = {"disk.growing.p50_ms", "disk.overwritten.p99_ms",
                                    "busy.draining.drained_per_s", "backlog.large.ready_ms",
                                    "writers.sqlite.512.rows_per_s"};
  for (const char* unit : {"rows_per_s", "written_bytes_per_row", "cpu_us_per_row"}) {
    for (const char* rows : {"1", "64", "4096"}) {
      names.push_back(std::string("sqlite.") + rows + "." + unit);
    }
  }
  for (const char* load : {"writers.ceiling.1", "writers.ceiling.4", "writers.agent.1",
                           "writers.agent.4", "writers.agent.ndjson", "api.up", "api.down",
                           "api.hanging", "durability.full.64", "durability.relaxed.ndjson"}) {
    for (const char* unit :
         {"operations_per_s", "p50_ms", "p99_ms", "p999_ms", "cpu_us_per_operation",
          "written_bytes_per_operation", "resident_bytes", "anonymous_bytes"}) {
      names.push_back(std::string(load) + "." + unit);
    }
  }
  for (const char* drain : {"drain.agent.0ms", "drain.hot.0ms", "drain.agent.50ms",
                            "drain.agent.200ms", "backlog.small", "backlog.large"}) {
    names.push_back(std::string(drain) + ".operations_per_s");
  }
  return names;
}

TEST(Bench, MeasuresARealAgentFromEndToEndAndReportsEveryFigure) {
  const Scratch scratch(std::filesystem::temp_directory_path());
  std::vector<std::string> command = {"all", "--tiny", "--out", scratch.path()};
  // What flowmyna-micro finds has a test of its own: it takes long with sanitizers.
  for (const char* section :
       {"limits", "writers", "api", "durability", "busy", "drains", "backlog"}) {
    command.insert(command.end(), {"--only", section});
  }
#ifndef FLOWMYNA_SANITIZED  // whose runtime has to be loaded first
  command.insert(command.end(), {"--only", "slow"});
#endif
  std::string printed;
  ASSERT_EQ(run_bench(scratch, command, printed), 0) << printed;

  const auto report = nlohmann::json::parse(read_file(scratch.path() + "/report.json"));
  for (const std::string& name : expected_figures()) {
    ASSERT_TRUE(report["figures"].contains(name)) << name;
    EXPECT_GT(report["figures"][name]["median"].get<double>(), 0) << name;
    EXPECT_FALSE(report["figures"][name]["runs"].empty()) << name;
  }
#ifndef FLOWMYNA_SANITIZED
  for (const char* who : {"ceiling", "agent"}) {
    const std::string name = std::string("slow.") + who + ".20000us.p50_ms";
    EXPECT_GE(report["figures"][name]["median"].get<double>(), 20) << name;
  }
#endif
  EXPECT_EQ(report["targets"].size(), targets(Figures()).size());
  EXPECT_NE(read_file(scratch.path() + "/report.md").find("| 4 | agent |"), std::string::npos);
  EXPECT_NE(read_file(scratch.path() + "/plot.svg").find("<polyline"), std::string::npos);
}

TEST(Bench, LoadTellsWhenNobodyListens) {
  const Scratch scratch(std::filesystem::temp_directory_path());
  std::string printed;
  EXPECT_EQ(run_bench(scratch, {"load", "--socket", scratch.path() + "/none"}, printed), 1);
  EXPECT_NE(printed.find("nobody answers"), std::string::npos) << printed;
}

TEST(Bench, APercentileIsTheSmallestLatencyThatSoManyDoNotExceed) {
  Latencies latencies;
  for (const int ms : {5, 1, 4, 2, 3}) latencies.add(std::chrono::milliseconds(ms));
  EXPECT_EQ(latencies.percentile_ms(50), 3);
  EXPECT_EQ(latencies.percentile_ms(80), 4);
  EXPECT_EQ(latencies.percentile_ms(81), 5);
  EXPECT_EQ(latencies.percentile_ms(100), 5);
  EXPECT_EQ(Latencies().percentile_ms(50), 0);
}

TEST(Bench, AFigureIsTheMedianOfItsRuns) {
  Figures figures;
  for (const double value : {9.0, 1.0, 2.0}) figures.add("odd", value);
  for (const double value : {4.0, 1.0}) figures.add("even", value);
  EXPECT_EQ(figures.median("odd"), 2.0);
  EXPECT_EQ(figures.median("even"), 2.5);
  EXPECT_EQ(figures.median("never measured"), std::nullopt);
}

TEST(Bench, ARatioIsTheMedianOfTheRoundsOwn) {
  Figures figures;
  for (const double value : {10.0, 100.0, 20.0}) figures.add("one", value);
  for (const double value : {10.0, 50.0, 40.0}) figures.add("other", value);
  EXPECT_EQ(figures.ratio("one", "other"), 1.0);  // the medians' would be 0.5
  figures.add("one", 20);
  EXPECT_EQ(figures.ratio("one", "other"), 0.5);
  EXPECT_EQ(figures.ratio("one", "nothing"), std::nullopt);
}

TEST(Bench, AnAnswerCountsOnlyWhenAllOfItIsThere) {
  const auto http = http_wire(Messages());
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  EXPECT_EQ(http->read_answer(answer.substr(0, answer.size() - 1)).size, 0U);
  EXPECT_EQ(http->read_answer(answer + "HTTP/1.1").size, answer.size());
  EXPECT_TRUE(http->read_answer(answer).accepted);
  EXPECT_FALSE(http->read_answer("HTTP/1.1 507 Full\r\nContent-Length: 0\r\n\r\n").accepted);

  const auto redis = redis_wire(Messages());
  EXPECT_EQ(redis->read_answer("$3\r\n1-0").size, 0U);
  EXPECT_EQ(redis->read_answer("$3\r\n1-0\r\n").size, 9U);
  EXPECT_TRUE(redis->read_answer("$3\r\n1-0\r\n").accepted);
  EXPECT_FALSE(redis->read_answer("-OOM\r\n").accepted);
}

TEST(Bench, HotMessagesNameEachObjectInTurnAndDifferInTheirValues) {
  std::string first;
  std::string again;
  Messages(3).append(first, 4);
  Messages(3).append(again, 7);
  EXPECT_EQ(first.size(), kMessageBytes);
  EXPECT_EQ(first.substr(0, first.find("reference")), again.substr(0, again.find("reference")));
  EXPECT_NE(first, again);
}

TEST(Bench, ATargetThatWasNotMeasuredIsNotMet) {
  for (const Target& target : targets(Figures())) EXPECT_FALSE(target.is_met()) << target.what;
}

TEST(Bench, RequestsWithoutAnAnswerStandInTheReport) {
  Figures figures;
  figures.add("writers.agent.256.unanswered", 0);
  EXPECT_EQ(markdown_report(figures, {}).find("without an answer"), std::string::npos);
  figures.add("writers.agent.256.unanswered", 3);
  EXPECT_NE(markdown_report(figures, {}).find("3.00 of `writers.agent.256`"), std::string::npos);
}

}  // namespace
}  // namespace flowmyna::bench
