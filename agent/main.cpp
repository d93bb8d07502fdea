// flowmyna-agent: the daemon's command line, signals and exit codes.

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "agent/agent.h"
#include "agent/config/config.h"
#include "agent/process/limits.h"
#include "agent/process/logging.h"
#include "agent/process/memory.h"
#include "agent/process/standard_descriptors.h"
#include "agent/watch/surroundings.h"

namespace {

using namespace flowmyna;

constexpr int kBadConfiguration = 2;

/// The signals that end or reload the daemon, as a descriptor. Blocked before the first thread
/// starts, so that no other thread gets them.
class Signals {
 public:
  Signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);
    fd_ = signalfd(-1, &signals, SFD_CLOEXEC);
  }
  ~Signals() { close(fd_); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return fd_; }
  int take() const {
    signalfd_siginfo info{};
    return read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  int fd_ = -1;
};

std::string refusal(const Error& error) {
  return "flowmyna-agent: " + error.message;
}

int refuse(const Error& error) {
  std::fprintf(stderr, "%s\n", refusal(error).c_str());
  return kBadConfiguration;
}

void log_warnings(const Config& config) {
  for (const std::string& warning : config.warnings) spdlog::warn("{}", warning);
}

/// Why nothing will be delivered; empty when there is a key.
std::string lack_of_key(const ApiConfig& api) {
  if (!api.key.empty()) return {};
  constexpr const char* kMeanwhile =
      "; until then operations are accepted and kept, but not delivered";
  if (!api.key_problem.empty()) return api.key_problem + kMeanwhile;
  return std::string("no API key: set api.key_file or FLOWMYNA_API_KEY") + kMeanwhile;
}

/// Prints what is in effect to standard output, and warnings to standard error.
int print(const Config& config) {
  std::fputs(describe(config).c_str(), stdout);
  std::vector<std::string> warnings = config.warnings;
  if (!config.api.key_problem.empty()) warnings.push_back(lack_of_key(config.api));
  for (const std::string& warning : warnings) {
    std::fprintf(stderr, "flowmyna-agent: warning: %s\n", warning.c_str());
  }
  return 0;
}

/// What the daemon was started with, to be read again on SIGHUP.
struct Origin {
  std::optional<std::string> file;
  Environment environment;

  Result<Config> load() const { return load_config(file, environment); }
  /// Empty when the key does not come from a file.
  std::filesystem::path key_file(const Config& config) const {
    const bool is_given = !environment.get("FLOWMYNA_API_KEY").empty();
    return is_given ? std::filesystem::path() : config.api.key_file;
  }
};

void reload(Agent& agent, Surroundings& surroundings, const Origin& origin) {
  const auto config = origin.load();
  if (!config) {
    spdlog::error("reload: {}; nothing was changed", config.error().message);
    return;
  }
  set_up_logging(config->log);
  log_warnings(*config);
  agent.reload(*config);
  surroundings.watch_key_file(origin.key_file(*config), config->api.key_problem);
  spdlog::info("reloaded: the key and [log]; other changes need a restart");
}

/// The rest of the daemon's life, on the main thread.
void watch(Agent& agent, const Signals& signals, const Config& config, const Origin& origin) {
  WatchLoop loop;
  Surroundings surroundings(
      loop, {[&agent] { agent.network_changed(); }, [&agent] { agent.network_lost(); },
             [&agent](const Secret& key) { agent.use_key(key); },
             [&agent](const std::string& why) { agent.lack_key(why); },
             [&agent] { agent.look_after_sockets(); }});
  surroundings.watch_key_file(origin.key_file(config), config.api.key_problem);
  surroundings.watch_sockets(agent.socket_places());
  loop.watch(signals.fd(), [&] {
    if (signals.take() != SIGHUP) return loop.end();
    sd_notify(0, "RELOADING=1");
    reload(agent, surroundings, origin);
    sd_notify(0, "READY=1");
  });
  sd_notify(0, "READY=1");
  loop.run();
}

int serve(const Config& config, const Origin& origin) {
  umask(0077);  // what it stores is the applications' business; the socket has its own mode
  const Signals signals;
  set_up_logging(config.log);
  auto agent = Agent::start(config);
  if (!agent) {
    finish_logging(refusal(agent.error()));
    return kBadConfiguration;
  }
  spdlog::info("flowmyna-agent {} delivers to {}", FLOWMYNA_VERSION, config.api.url);
  for (const std::string& name : (*agent)->listening()) spdlog::info("listening on {}", name);
  log_warnings(config);
  if (config.api.key.empty()) spdlog::warn("{}", lack_of_key(config.api));
  give_back_memory();
  watch(**agent, signals, config, origin);
  sd_notify(0, "STOPPING=1");
  spdlog::info("stopping");
  agent->reset();
  spdlog::info("stopped");
  finish_logging();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_descriptors();
  keep_memory_small();
  // No core dump, and no look into the memory by other processes of this user: the key is there.
  prctl(PR_SET_DUMPABLE, 0);
  CLI::App app{"Offline-first queueing agent for the FlowMyna API"};
  std::optional<std::string> file;
  bool check = false;
  app.add_option("--config", file, "Configuration file (TOML); without one, built-in defaults");
  app.add_flag("--check", check, "Read the configuration, print what is in effect, and exit");
  app.set_version_flag("--version", FLOWMYNA_VERSION);
  app.footer("FLOWMYNA_API_KEY and FLOWMYNA_API_URL override the file. See flowmyna-agent(8).");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadConfiguration;
  }

  const Origin origin{file, Environment::take_from_process()};
  auto config = origin.load();
  if (!config) return refuse(config.error());
  if (check) return print(*config);
  if (auto fitted = fit_process_limits(*config); !fitted) return refuse(fitted.error());
  try {
    return serve(*config, origin);
  } catch (const std::system_error& error) {  // a thread, or a descriptor, that is not to be had
    return refuse({Error::Kind::kIo,
                   std::string("cannot start: ") + error.what() +
                       "; raise the limits on threads and open files (TasksMax= and LimitNOFILE= "
                       "in the systemd unit, `ulimit -u` and `ulimit -n`)"});
  }
}
