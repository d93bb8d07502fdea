#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/api/router.h"
#include "agent/config/config.h"
#include "agent/http/http_server.h"
#include "agent/http/socket_keeper.h"
#include "agent/process/key_holder.h"
#include "agent/process/system_clock.h"
#include "delivery/delivery.h"
#include "outbox/vault.h"

namespace flowmyna {

/// The whole agent, wired together. This type and its .cpp file show how the parts are connected:
///
///     HTTP server ── router ── vault ── storage
///                         │      │ is woken; seals, settles
///                         └── delivery: foreman ── planner, judge ── transport
///
/// Threads: `vault`, which also serves the sockets, and `delivery`. Each has a queue; other threads
/// reach it only through that.
class Agent {
 public:
  /// Opens the outbox, starts delivery, opens the servers. Every error is one line that says what
  /// to do.
  static Result<std::unique_ptr<Agent>> start(const Config& config);
  /// Stops accepting, answers the requests under way and the writers that wait for delivery, gives
  /// delivery a moment to settle what is in flight, and closes the outbox. Takes at most about 4 s.
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  /// Takes over what may change while running, the key, and tries to deliver at once. Other changes
  /// need a restart.
  void reload(const Config& config);
  /// Delivers with this key from now on; where the API refused the one before, at once.
  void use_key(const Secret& key);
  /// The configured source gives no usable key, for this reason. The key in use stays, if any.
  void lack_key(const std::string& why);
  /// A route, an address or a link appeared, or the machine slept.
  void network_changed();
  /// A route, an address or a link went away, and none appeared.
  void network_lost();

  /// The names of the sockets it listens on.
  std::vector<std::string> listening() const;
  /// The paths at which clients look for them.
  std::vector<std::filesystem::path> socket_places() const;
  /// To be called when something may have happened at one of those paths, on the thread that
  /// destroys the agent.
  void look_after_sockets();

 private:
  Agent(const Config& config, std::unique_ptr<Storage> storage);
  Result<void> open_servers(const ListenConfig& config, const Secret& key);
  Result<void> open_server(ListeningSocket socket, const ListenConfig& config, const Secret& key);

  // In the order of construction: what stands below uses what stands above.
  SystemClock clock_;
  KeyHolder key_;
  Delivery delivery_;
  Vault vault_;
  std::vector<std::unique_ptr<Router>> routers_;
  std::vector<std::unique_ptr<HttpServer>> servers_;
  std::vector<SocketKeeper> keepers_;
};

}  // namespace flowmyna
