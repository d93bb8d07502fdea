#include "bench/server.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <thread>

#include "bench/stream_socket.h"

namespace flowmyna::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kKey = "fm_live_bench000bench000bench000bench000";
constexpr auto kStartMax = 60s;

std::string this_program() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

/// Polls until `is_ready`, or until the process has ended.
Result<void> wait_until_ready(Process& process, const std::function<bool()>& is_ready) {
  const auto deadline = std::chrono::steady_clock::now() + kStartMax;
  while (!is_ready()) {
    if (!process.is_running() || std::chrono::steady_clock::now() > deadline) {
      return fail(Error::Kind::kUnreachable, "it does not start: " + process.log());
    }
    std::this_thread::sleep_for(1ms);
  }
  return {};
}

/// A server that is not started yet.
Server server_at(const Place& place) {
  Server server{Scratch(place.data), Scratch(std::filesystem::temp_directory_path()), {}, {}, {}};
  server.socket = server.sockets.path() + "/s";
  if (place.sync_longer.count() > 0) {
    server.environment = {{"LD_PRELOAD", FLOWMYNA_SLOW_SYNC},
                          {"FLOWMYNA_SYNC_LONGER_US", std::to_string(place.sync_longer.count())}};
  }
  return server;
}

Result<Server> start(const Place& place,
                     const std::function<std::vector<std::string>(Server&)>& command) {
  Server server = server_at(place);
  auto process = Process::start(command(server), server.environment, server.data.path() + "/log");
  if (!process) return tl::make_unexpected(process.error());
  server.process = *std::move(process);
  auto ready =
      wait_until_ready(server.process, [&] { return connect_unix(server.socket).has_value(); });
  if (!ready) return tl::make_unexpected(ready.error());
  return server;
}

}  // namespace

Scratch::Scratch(const std::string& parent) {
  std::string path = parent + "/flowmyna-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) path = parent;
  path_ = std::make_unique<std::string>(path);
}

Scratch::~Scratch() {
  std::error_code ignored;
  if (path_) std::filesystem::remove_all(*path_, ignored);
}

Result<Server> start_ceiling(const Place& place) {
  return start(place, [](Server& server) {
    return std::vector<std::string>{this_program(), "ceiling",
                                    "--socket",     server.socket,
                                    "--database",   server.data.path() + "/ceiling.db"};
  });
}

Result<Server> start_agent(const Place& place, const AgentOptions& options) {
  Server agent = server_at(place);
  std::ofstream(agent.data.path() + "/agent.toml")
      << "listen.socket = \"" << agent.socket << "\"\n"
      << "outbox.path = \"" << agent.data.path() << "/outbox\"\n"
      << "outbox.max_size = \"64GiB\"\n"
      << "outbox.durability = \"" << options.durability << "\"\n"
      << "api.max_requests_per_minute = 0\n";
  if (auto started = restart_agent(agent, options); !started) {
    return tl::make_unexpected(started.error());
  }
  return agent;
}

Result<void> restart_agent(Server& agent, const AgentOptions& options) {
  std::vector<std::string> command = options.run_by;
  command.insert(command.end(), {FLOWMYNA_AGENT, "--config", agent.data.path() + "/agent.toml"});
  agent.environment["FLOWMYNA_API_KEY"] = kKey;
  agent.environment["FLOWMYNA_API_URL"] = options.api_url;
  auto process = Process::start(command, agent.environment, agent.data.path() + "/log");
  if (!process) return tl::make_unexpected(process.error());
  agent.process = *std::move(process);
  return wait_until_ready(agent.process,
                          [&] { return ask(agent.socket, "GET", "/agent/v1/status").has_value(); });
}

bool is_installed(const std::string& program) {
  const char* const path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (::access((directory + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

Result<Server> start_redis(const Place& place) {
  return start(place, [](Server& server) {
    return std::vector<std::string>{"redis-server",
                                    "--port",
                                    "0",
                                    "--unixsocket",
                                    server.socket,
                                    "--dir",
                                    server.data.path(),
                                    "--appendonly",
                                    "yes",
                                    "--appendfsync",
                                    "always",
                                    "--save",
                                    ""};
  });
}

std::string python_outbox_script() {
  return FLOWMYNA_PYTHON_OUTBOX;
}

Result<Server> start_python(const Place& place) {
  return start(place, [](Server& server) {
    return std::vector<std::string>{"python3", python_outbox_script(), "serve", server.socket,
                                    server.data.path() + "/outbox.db"};
  });
}

Result<Api> start_sink(const Place& place, const std::vector<std::string>& arguments) {
  Api api{Scratch(place.data), {}, {}, {}};
  std::vector<std::string> command = {this_program(), "sink"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto process = Process::start(command, {}, api.data.path() + "/log");
  if (!process) return tl::make_unexpected(process.error());
  api.process = *std::move(process);
  static const std::regex kReady("ready port=(\\d+)\n");
  std::smatch match;
  std::string log;
  auto ready = wait_until_ready(api.process, [&] {
    log = api.process.log();
    return std::regex_search(log, match, kReady);
  });
  if (!ready) return tl::make_unexpected(ready.error());
  api.port = match[1];
  api.url = "http://127.0.0.1:" + api.port;
  return api;
}

}  // namespace flowmyna::bench
