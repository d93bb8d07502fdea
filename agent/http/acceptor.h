#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "agent/http/listen.h"
#include "agent/http/server_core.h"
#include "loop/event_loop.h"

namespace flowmyna {

/// Accepts a server's clients in two cases that libmicrohttpd does not handle well:
/// - It listens on one socket for life. When somebody has deleted the socket's file, the socket is
///   replaced here, and open connections do not notice.
/// - Out of descriptors, it accepts nobody until a connection ends, or spins when there is none.
///   Here that is logged, and tried again.
///
/// Until one of the two happens the library accepts by itself: on a connection that it is handed it
/// makes two more system calls for each answer, since that may be TCP.
///
/// Accepts as many clients as the server's options allow; further ones wait in the backlog of the
/// socket. Attached to the server's loop. Functions without a remark are for the loop's thread, or
/// for others between its turns (EventLoop::between).
class Acceptor final : public EventLoop::Source {
 public:
  Acceptor(ListeningSocket socket, std::shared_ptr<HttpServer::Core> core);

  int descriptor() const override;
  std::optional<std::chrono::milliseconds> due_in() override;
  void serve() override;

  /// Accepts from now on, in place of libmicrohttpd. Idempotent.
  void take_over();
  /// The same, on this socket from now on. Clients in the backlog of the previous socket are
  /// accepted first, unless there are too many.
  void replace(ListeningSocket socket);
  /// Accepts nobody any more.
  void stop();
  /// After `stop`: frees the path.
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
