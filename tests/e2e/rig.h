#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "e2e/child_process.h"
#include "e2e/http.h"

namespace flowmyna::test {

using Json = nlohmann::json;

/// A real agent, the stand-in for the API beside it, and a directory of their own.
class Rig {
 public:
  /// `sim_arguments` are added to the stand-in's command line, `sim_prefix` stands before it.
  explicit Rig(std::vector<std::string> sim_arguments = {},
               std::vector<std::string> sim_prefix = {});
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  /// Starts the agent, with `settings` (TOML lines, dotted keys) besides what the rig needs; they
  /// win over the rig's own. Waits until it listens.
  void start_agent(const std::string& settings = "");
  /// The same, without the wait.
  void spawn_agent(const std::string& settings = "");
  /// How the next agents are started: what stands before the program (a tracer that keeps it as its
  /// parent's child), and what its environment has besides.
  void set_launch(std::vector<std::string> prefix, std::map<std::string, std::string> environment) {
    launch_prefix_ = std::move(prefix);
    launch_environment_ = std::move(environment);
  }
  /// kill -9.
  void kill_agent();
  /// SIGTERM; the exit code.
  int stop_agent();
  ChildProcess& agent() { return *agent_; }

  /// A new connection to the agent's socket, or to the stand-in's admin address.
  std::unique_ptr<Http> connect() const;
  HttpReply get(const std::string& path) { return connect()->get(path); }
  HttpReply post(const std::string& path, const std::string& body,
                 const std::vector<std::string>& headers = {}) {
    return connect()->post(path, body, headers);
  }

  Json status();
  std::unique_ptr<Http> connect_to_sim() const;
  std::string sim_text(const std::string& path) const;
  Json sim(const std::string& path) const { return Json::parse(sim_text(path)); }
  void set_faults(const std::string& rules) const;
  void clear_faults() const;
  /// How the stand-in answers from now on; "{}": as documented.
  void set_dialect(const std::string& document) const;
  /// These rules and none from before.
  void replace_faults(const std::string& rules) const {
    clear_faults();
    set_faults(rules);
  }

  /// Waits until everything that was accepted is settled.
  void drain();
  /// Polls; fails the test after two minutes, or at once when agent or stand-in end by themselves.
  void wait_until(const std::string& what, const std::function<bool()>& condition);

  const std::string& directory() const { return directory_; }
  const std::string& socket() const { return socket_; }
  /// Where the next agent listens.
  void set_socket(std::string path) { socket_ = std::move(path); }
  std::string outbox_file() const { return directory_ + "/state/outbox.db"; }
  const std::string& api_url() const { return api_url_; }
  /// What the next agent takes for the API instead of the stand-in itself.
  void set_api_url(std::string url) { api_url_ = std::move(url); }

 private:
  std::string ended_by_itself();

  std::string directory_;
  std::string socket_;
  std::string api_url_;
  std::string admin_url_;
  std::vector<std::string> launch_prefix_;
  std::map<std::string, std::string> launch_environment_;
  std::unique_ptr<ChildProcess> sim_;
  std::unique_ptr<ChildProcess> agent_;
  bool is_to_run_ = false;  // until it is killed or stopped
};

inline constexpr const char* kKey = "fm_live_e2e0e2e0e2e0e2e0e2e0e2e0e2e0e2e0";

}  // namespace flowmyna::test
