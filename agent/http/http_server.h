#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/secret.h"
#include "agent/http/listen.h"
#include "agent/http/message.h"
#include "core/result.h"
#include "loop/event_loop.h"

namespace flowmyna {

/// What the server lets in. Every limit protects the other clients from one.
struct HttpServerOptions {
  /// Larger bodies are answered 413. A batch of 10,000 items of 1 KiB fits.
  std::size_t max_body_bytes = 16UL << 20U;
  /// Bodies above kSmallBodyBytes share this much memory until they are answered; what does not
  /// fit is answered 503 with Retry-After. 0: four bodies of the largest size. Small bodies are
  /// bounded by max_connections and always get in.
  std::size_t max_large_bodies_bytes = 0;
  /// Request line and headers must fit into this, less some 80 bytes for each header;
  /// libmicrohttpd answers 431 otherwise. Not more, since the library clears all of it between two
  /// requests.
  std::size_t connection_memory_bytes = 8UL << 10U;
  /// Further clients wait in the backlog of the socket.
  unsigned max_connections = 512;
  /// Connections of one user of the Unix socket; beyond, 429. 0: three quarters of
  /// max_connections, so that a program that leaks connections leaves room for other users.
  unsigned max_connections_per_user = 0;
  /// Users who may talk to the Unix socket, others get 403. Empty: everyone whom the permissions
  /// of the socket let in.
  std::vector<uid_t> allow_users;
  /// A connection on which nothing moves for so long is closed: idle between two requests, halfway
  /// through a header or a body, or not reading its answer. Waiting for an answer does not count.
  unsigned idle_timeout_s = 60;
  /// How long stop() waits for answers under way. SIGTERM has to end within 5 s in all.
  std::chrono::milliseconds drain_timeout{2000};
  /// What a client on TCP has to present; opening a TCP server without one fails. The Unix socket
  /// asks for none: there the file's permissions and the kernel's credentials decide.
  Secret bearer_key;
};

/// Bodies up to this size never wait for, or fail because of, the memory that large ones take.
inline constexpr std::size_t kSmallBodyBytes = 64UL << 10U;

/// Counters since the server was opened, for the metrics.
struct HttpCounts {
  std::uint64_t connections_open = 0;
  std::uint64_t requests = 0;  ///< handed to the handler
  std::uint64_t refused = 0;   ///< answered 4xx or 503 by the server itself
};

class Acceptor;

/// The HTTP server: HTTP/1.1 on one listening socket. It handles bytes and knows nothing of JSON.
///
/// It has no thread of its own: it is a source of an event loop, and so is its Acceptor. The loop's
/// thread serves all connections; it is the "server's thread". Each complete request is handed to
/// the handler. An answer that is ready the next time the loop serves the server (say, after a
/// commit on the same thread) costs nothing more; a connection whose answer takes longer is
/// suspended until the Responder is used.
///
/// On TCP every request needs `Authorization: Bearer KEY` or `X-FlowMyna-Api-Key: KEY`, else 401.
/// Any local process, and any web page in a local browser, can reach a loopback port. So a Host
/// header that is not a loopback name (DNS rebinding) and any request with an Origin header (a
/// browser; no browser is a client of the agent) are answered 403 even with the right key.
///
/// The server's own refusals have the API's shape, {"detail": "…"}. Broken HTTP is answered by
/// libmicrohttpd (4xx, an HTML page) and the connection closed; clients' mistakes are not logged,
/// since a hostile client could fill the disk with them.
class HttpServer final : private EventLoop::Source {
 public:
  struct Core;

  /// Starts serving, on the thread of `loop`, which must run until the server has stopped. Fails
  /// with kInvalid for options that cannot work, kIo when the descriptors cannot be had.
  static Result<std::unique_ptr<HttpServer>> open(EventLoop& loop, ListeningSocket socket,
                                                  HttpServerOptions options, HttpHandler handler);
  ~HttpServer() override;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Stops accepting at once, answers new requests on open connections with 503, lets the answers
  /// under way go out for `drain_timeout`, answers 503 for what is still unanswered, and closes.
  /// Afterwards no handler runs and Responders that are left over do nothing. Idempotent; not to
  /// be called from the handler or from several threads at once.
  void stop();

  /// Listens on this socket, of the same kind, instead of the previous one; connections stay. Only
  /// the thread that calls stop().
  void listen_on(ListeningSocket socket);
  /// What it listens on. Only the thread that calls stop().
  const ListeningSocket& socket() const;

  /// The key for TCP from the next request on, as after a reload. Any thread.
  void set_bearer_key(Secret key);

  /// Any thread.
  HttpCounts counts() const;
  const std::string& name() const { return socket().name(); }

 private:
  HttpServer(ListeningSocket socket, std::shared_ptr<Core> core);
  Result<void> start();
  int descriptor() const override { return epoll_fd_; }
  std::optional<std::chrono::milliseconds> due_in() override;
  void serve() override;

  int epoll_fd_ = -1;  // libmicrohttpd's
  std::shared_ptr<Core> core_;
  std::unique_ptr<Acceptor> acceptor_;
  bool stopped_ = false;
};

}  // namespace flowmyna
