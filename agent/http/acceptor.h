#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "agent/http/listen.h"
#include "agent/http/server_core.h"
#include "loop/event_loop.h"

namespace flowmyna {

/// Takes in a server's clients where libmicrohttpd cannot do that well by itself. It listens on one
/// socket for life: one whose file somebody deleted is replaced here, and the connections that are
/// open do not notice. And for want of descriptors it accepts nobody before a connection ends, or,
/// without one, spins: here that is said, and tried again. Until one of the two has happened the
/// library accepts, since to what it is given it makes two system calls more for each answer, in
/// the belief that it may be TCP.
///
/// As many clients as the server's options allow; further ones wait in the backlog of the socket.
/// Attached to the server's loop. Functions without a remark are for the loop's thread, or for
/// others between its turns (EventLoop::between).
class Acceptor final : public EventLoop::Source {
 public:
  Acceptor(ListeningSocket socket, std::shared_ptr<HttpServer::Core> core);

  int descriptor() const override;
  std::optional<std::chrono::milliseconds> due_in() override;
  void serve() override;

  /// Accepts from now on, in place of libmicrohttpd. Idempotent.
  void take_over();
  /// The same, listening on this socket. Who waits in the backlog of the one before is taken in,
  /// unless there are too many.
  void replace(ListeningSocket socket);
  /// Accepts nobody any more.
  void stop();
  /// After `stop`: gives the path free.
  void close() { socket_.close(); }
  /// The thread that calls `replace`.
  const ListeningSocket& socket() const { return socket_; }

 private:
  using Time = std::chrono::steady_clock::time_point;

  bool has_room() const;
  bool accept_one();
  void rest(int error);

  ListeningSocket socket_;
  std::shared_ptr<HttpServer::Core> core_;
  bool is_in_charge_ = false;
  bool is_stopped_ = false;
  std::optional<Time> resting_until_;  // accepting has failed
  int told_error_ = 0;                 // the last one in the log, until somebody is taken in again
};

}  // namespace flowmyna
