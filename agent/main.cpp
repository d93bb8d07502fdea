// flowmyna-agent: the daemon's command line, signals and exit codes.

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "agent/agent.h"
#include "agent/config.h"
#include "agent/logging.h"

namespace {

using namespace flowmyna;

constexpr int kBadConfiguration = 2;

/// The signals that `serve` waits for. Blocked before the first thread starts, so that no other
/// thread gets them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

int refuse(const Error& error) {
  std::fprintf(stderr, "flowmyna-agent: %s\n", error.message.c_str());
  return kBadConfiguration;
}

void log_warnings(const Config& config) {
  for (const std::string& warning : config.warnings) spdlog::warn("{}", warning);
  if (config.api.key.empty()) {
    spdlog::warn(
        "no API key: operations are accepted and kept, none is delivered; set api.key_file or "
        "FLOWMYNA_API_KEY");
  }
}

void reload(Agent& agent, const std::optional<std::string>& file) {
  const auto config = load_config(file, Environment::of_process());
  if (!config) {
    spdlog::error("reload: {}; going on as before", config.error().message);
    return;
  }
  set_up_logging(config->log);
  log_warnings(*config);
  agent.reload(*config);
  spdlog::info("reloaded: the key and [log]; other changes need a restart");
}

int serve(const Config& config, const std::optional<std::string>& file) {
  umask(0077);  // what it stores is the applications' business; the socket has its own mode
  const sigset_t signals = block_signals();
  set_up_logging(config.log);
  auto agent = Agent::start(config);
  if (!agent) return refuse(agent.error());
  spdlog::info("flowmyna-agent {} delivers to {}", FLOWMYNA_VERSION, config.api.url);
  for (const std::string& name : (*agent)->listening()) spdlog::info("listening on {}", name);
  log_warnings(config);
  sd_notify(0, "READY=1");

  for (int number = 0; sigwait(&signals, &number) == 0;) {
    if (number != SIGHUP) break;
    sd_notify(0, "RELOADING=1");
    reload(**agent, file);
    sd_notify(0, "READY=1");
  }
  sd_notify(0, "STOPPING=1");
  spdlog::info("stopping");
  agent->reset();
  spdlog::info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Offline-first queueing agent for the FlowMyna API"};
  std::optional<std::string> file;
  bool check = false;
  app.add_option("--config", file, "Configuration file (TOML); without one, built-in defaults");
  app.add_flag("--check", check, "Read the configuration, print what is in effect, and exit");
  app.set_version_flag("--version", FLOWMYNA_VERSION);
  app.footer("FLOWMYNA_API_KEY and FLOWMYNA_API_URL win over the file. See flowmyna-agent(8).");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadConfiguration;
  }

  const auto config = load_config(file, Environment::of_process());
  if (!config) return refuse(config.error());
  if (check) {
    std::fputs(describe(*config).c_str(), stdout);
    return 0;
  }
  return serve(*config, file);
}
