#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "bench/process.h"
#include "bench/wire.h"

namespace flowmyna::bench {

/// A directory that is removed with everything in it.
class Scratch {
 public:
  /// Below `parent`, which has to be there.
  explicit Scratch(const std::string& parent);
  ~Scratch();
  Scratch(Scratch&& other) noexcept = default;
  Scratch& operator=(Scratch&& other) noexcept = default;

  const std::string& path() const { return *path_; }

 private:
  std::unique_ptr<std::string> path_;
};

/// Where things are.
struct Place {
  std::string data;  ///< on the disk that is measured
  /// So much is added to each sync of what is started here, as on a slower disk.
  std::chrono::microseconds sync_longer{0};
};

/// A process with what clients need to know of it, in directories of its own.
struct Server {
  Scratch data;     ///< on the disk that is measured
  Scratch sockets;  ///< a short path: a Unix socket's has 107 characters at most
  Process process;
  std::string socket;
  std::map<std::string, std::string> environment;  ///< of the process, besides our own
};

/// Starters give a server that answers, or say why there is none, with the process's own words.

Result<Server> start_ceiling(const Place& place);

struct AgentOptions {
  std::string api_url;
  std::string durability = "full";
  std::vector<std::string> run_by = {};  ///< a command that runs it, as valgrind
};
Result<Server> start_agent(const Place& place, const AgentOptions& options);
/// The same outbox with a new process, as after a crash.
Result<void> restart_agent(Server& agent, const AgentOptions& options);

/// A loopback address on which nobody listens.
inline constexpr const char* kNobody = "http://127.0.0.1:1";

bool is_installed(const std::string& program);
Result<Server> start_redis(const Place& place);
Result<Server> start_python(const Place& place);
/// The Python outbox's script, for what is no server.
std::string python_outbox_script();

/// An API that accepts everything. `url` is its address.
struct Api {
  Scratch data;
  Process process;
  std::string url;
  std::string port;
};
Result<Api> start_sink(const Place& place, const std::vector<std::string>& arguments);

}  // namespace flowmyna::bench
