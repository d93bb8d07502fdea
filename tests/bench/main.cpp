#include <signal.h>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "agent/process/standard_descriptors.h"
#include "bench/commands.h"
#include "bench/suite.h"

namespace {

using namespace flowmyna::bench;

constexpr const char* kDescription =
    "Load generator, and the published benchmark of flowmyna-agent. Every command but the servers "
    "prints one JSON object.";

constexpr const char* kFooter = R"(
How many answers a running agent gives 64 writers in ten seconds:
  flowmyna-bench load --socket /run/flowmyna-agent/agent.sock --connections 64 --seconds 10
What the disk below a directory can do, and what SQLite makes of it:
  flowmyna-bench disk --directory /var/lib/flowmyna-agent
  flowmyna-bench sqlite --directory /var/lib/flowmyna-agent --rows 64
Everything, beside its limits and other queues (tests/bench/run builds what it needs first):
  flowmyna-bench all --quick

load sends real upserts of type Order: do not point it at an agent that delivers to your dataset.)";

template <class Options>
using Command = int (*)(const Options&);

/// A subcommand with its options; what it returns becomes the exit code.
template <class Options>
CLI::App* add(CLI::App& app, const char* name, const char* what, std::shared_ptr<Options> options,
              Command<Options> command, int& exit_code) {
  CLI::App* const sub = app.add_subcommand(name, what);
  sub->callback([options, command, &exit_code] { exit_code = command(*options); });
  return sub;
}

void add_load(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<LoadCommand>();
  auto* sub = add(app, "load", "Writes through a socket and measures the answers", options,
                  &load_command, exit_code);
  sub->add_option("--socket", options->socket, "Unix socket of the server")->required();
  sub->add_option("--connections", options->connections, "Each with one request in flight")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  sub->add_option("--seconds", options->seconds, "Ends after so long")->capture_default_str();
  sub->add_option("--operations", options->operations, "Ends after so many; 0: no limit");
  sub->add_option("--batch", options->batch, "Operations a request, as NDJSON when above 1")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  sub->add_option("--objects", options->objects, "Upserts of so many hot objects; 0: all distinct");
  sub->add_option("--protocol", options->protocol, "What the server speaks")
      ->check(CLI::IsMember({"http", "redis"}))
      ->capture_default_str();
  sub->add_option("--pid", options->pid, "The server: its CPU time and memory are told as well");
}

void add_limits(CLI::App& app, int& exit_code) {
  auto disk = std::make_shared<DiskCommand>();
  auto* sub =
      add(app, "disk", "A write of 4 KiB and its fdatasync", disk, &disk_command, exit_code);
  sub->add_option("--directory", disk->directory, "Where")->capture_default_str();
  sub->add_option("--seconds", disk->seconds, "For each way of writing")->capture_default_str();

  auto sqlite = std::make_shared<SqliteCommand>();
  sub = add(app, "sqlite", "The agent's rows through SQLite's C API, WAL and FULL", sqlite,
            &sqlite_command, exit_code);
  sub->add_option("--directory", sqlite->directory, "Where")->capture_default_str();
  sub->add_option("--rows", sqlite->rows, "Rows a commit; may be given several times");
  sub->add_option("--seconds", sqlite->seconds, "For each of them")->capture_default_str();
}

void add_servers(CLI::App& app, int& exit_code) {
  auto ceiling = std::make_shared<CeilingCommand>();
  auto* sub = add(app, "ceiling", "Serves the bare ceiling: one commit a round, nothing parsed",
                  ceiling, &ceiling_command, exit_code);
  sub->add_option("--socket", ceiling->socket, "Unix socket to listen on")->required();
  sub->add_option("--database", ceiling->database, "A file that is not there yet")->required();

  auto sink = std::make_shared<SinkCommand>();
  sub = add(app, "sink", "Serves an API that accepts everything after a fixed latency", sink,
            &sink_command, exit_code);
  sub->add_option("--port", sink->port, "Loopback port; 0: any, and it is printed");
  sub->add_option("--latency-ms", sink->latency_ms, "Of every answer");
  sub->add_flag("--hang", sink->hangs, "Reads, never answers");
}

void add_all(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<AllCommand>();
  auto* sub = add(app, "all", "The published benchmark: everything, side by side", options,
                  &all_command, exit_code);
  std::vector<std::string> names;
  for (const Section& section : sections()) names.emplace_back(section.name);
  sub->add_flag("--quick", options->is_quick, "A second a figure, smaller backlogs");
  sub->add_flag("--tiny", options->is_tiny, "To see whether it works; the figures mean nothing");
  sub->add_option("--only", options->only, "One of its sections; may be given several times")
      ->check(CLI::IsMember(names));
  sub->add_option("--out", options->out, "Directory for the report, on the disk to be measured")
      ->capture_default_str();
  sub->add_option("--command", options->command, "What the report names as its command");
}

}  // namespace

int main(int argc, char** argv) {
  flowmyna::open_standard_descriptors();
  ::signal(SIGPIPE, SIG_IGN);
  int exit_code = 0;
  CLI::App app{kDescription};
  app.footer(kFooter);
  app.require_subcommand(1);
  add_all(app, exit_code);
  add_load(app, exit_code);
  add_limits(app, exit_code);
  add_servers(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}
