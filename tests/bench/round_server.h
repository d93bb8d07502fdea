#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "stand_in/socket.h"

namespace flowmyna::bench {

/// A socket server on one thread that gives what has come in rounds: everybody whose bytes arrived
/// while the last round was served stands in the next one.
class RoundServer {
 public:
  using ConnectionId = std::uint64_t;
  struct Received {
    ConnectionId connection = 0;
    std::string* bytes = nullptr;  ///< all that has come and was not erased; until the next wait
  };

  /// `listening` is a socket that listens already.
  static Result<RoundServer> open(stand_in::Descriptor listening);

  /// Waits for bytes, or until `timeout_ms` (-1: for ever) is over. Connections come and go by
  /// themselves; `end` becomes true with the first SIGTERM or SIGINT, which are taken over.
  const std::vector<Received>& wait(int timeout_ms);
  bool has_ended() const { return has_ended_; }

  /// Sends all of it, waiting for room where there is none; nothing when the client has gone.
  void send(ConnectionId connection, std::string_view bytes);

 private:
  struct Connection {
    stand_in::Descriptor socket;
    std::string in;
  };
  RoundServer(stand_in::Descriptor listening, stand_in::Descriptor epoll,
              stand_in::Descriptor signals);
  void accept_all();
  void receive(ConnectionId id);

  stand_in::Descriptor listening_;
  stand_in::Descriptor epoll_;
  stand_in::Descriptor signals_;
  std::unordered_map<ConnectionId, Connection> connections_;
  std::vector<Received> received_;
  ConnectionId next_id_ = 2;  // 0 and 1 are the listening socket and the signals
  bool has_ended_ = false;
};

}  // namespace flowmyna::bench
