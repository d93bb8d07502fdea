#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "agent/process/standard_descriptors.h"
#include "stand_in/help.h"
#include "stand_in/simulator.h"

namespace {

using flowmyna::stand_in::kDescription;
using flowmyna::stand_in::kFooter;
using flowmyna::stand_in::Simulator;
using flowmyna::stand_in::SimulatorOptions;

/// The JSON itself, or what the file behind an @ holds.
std::string as_json(const std::string& text) {
  if (!text.starts_with('@')) return text;
  std::ifstream file(text.substr(1));
  if (!file) throw CLI::ValidationError("cannot read " + text.substr(1));
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// "50ms", "2s" or "1m"; a bare number is refused, since its unit would be a guess.
std::chrono::milliseconds as_duration(const std::string& text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const std::string unit = text.substr(digits);
  const int scale = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
  if (digits == 0 || digits > 6 || scale == 0) {
    throw CLI::ValidationError("\"" + text + "\" is not a duration; write it as 50ms, 2s or 1m");
  }
  return std::chrono::milliseconds(std::stol(text.substr(0, digits)) * scale);
}

void add_options(CLI::App& app, SimulatorOptions& options) {
  app.add_option("--address", options.address, "IPv4 address of the API")->capture_default_str();
  app.add_option("--port", options.port, "Port of the API; 0: any free one")->capture_default_str();
  app.add_option("--admin", options.admin,
                 "Second address of /sim/, which stays when the API refuses connections: a port "
                 "on 127.0.0.1 (0: any) or the path of a Unix socket")
      ->capture_default_str();
  app.add_option("--key", options.keys, "An API key that is accepted; may be repeated")
      ->capture_default_str();
  app.add_option_function<std::string>(
      "--latency", [&options](const std::string& text) { options.latency = as_duration(text); },
      "Holds every answer of the API back so long, as in 50ms");
  app.add_option("--rate-limit", options.rate_limit,
                 "Requests a window and key, then 429; 0: no limit")
      ->capture_default_str();
  app.add_option_function<std::string>(
      "--rate-window",
      [&options](const std::string& text) { options.rate_window = as_duration(text); },
      "Length of the window, default 1m");
  app.add_option_function<std::string>(
      "--dialect", [&options](const std::string& text) { options.dialect = as_json(text); },
      "How answers are written: a JSON object, or @FILE");
  app.add_option_function<std::string>(
      "--faults", [&options](const std::string& text) { options.faults = as_json(text); },
      "What goes wrong from the start: a JSON list of rules, or @FILE");
  app.add_option("--shuffle-seed", options.shuffle_seed,
                 "Applies the items of each batch in an order drawn from this seed");
  app.add_flag("--log-bodies", options.log_bodies, "Keeps request bodies in the log");
  app.add_option("--log-limit", options.log_limit, "Requests kept in the log")
      ->capture_default_str();
  app.add_flag_callback(
      "--no-history", [&options] { options.keep_history = false; },
      "Counts events instead of keeping them");
  app.add_flag("--print-requests", options.print_requests, "Prints one line for each request");
}

}  // namespace

int main(int argc, char** argv) {
  flowmyna::open_standard_descriptors();
  // Blocked before any thread starts, so that sigwait() below is the only place that sees them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  SimulatorOptions options;
  CLI::App app(kDescription, "flowmyna-sim");
  app.footer(kFooter);
  app.set_version_flag("--version", FLOWMYNA_VERSION);
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const auto simulator = Simulator::start(std::move(options));
  if (!simulator) {
    std::fprintf(stderr, "flowmyna-sim: %s\n", simulator.error().message.c_str());
    return 2;
  }
  std::printf("flowmyna-sim ready api=%s admin=%s\n", (*simulator)->base_url().c_str(),
              (*simulator)->admin_address().c_str());
  std::fflush(stdout);
  int received = 0;
  sigwait(&stop_signals, &received);
  return 0;
}
