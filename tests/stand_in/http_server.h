#pragma once

#include <functional>
#include <memory>

#include "core/result.h"
#include "stand_in/exchange.h"
#include "stand_in/socket.h"

namespace flowmyna::stand_in {

/// What the HTTP server asks of those behind it. All of them are called on the server's threads,
/// several of them at a time for different exchanges.
struct HttpCallbacks {
  /// The head was read. False closes the connection at once.
  std::function<bool(Exchange&)> admit;
  /// The body was read; fills `reply`.
  std::function<void(Exchange&)> respond;
  /// The answer was sent, or the connection has gone.
  std::function<void(Exchange&)> finished;
};

/// HTTP/1.1 on one listening socket: libmicrohttpd with one epoll thread, and one thread for the
/// answers that wait. A waiting request occupies neither: its connection is suspended and resumed.
class HttpServer {
 public:
  /// `listening` is closed when the server ends.
  static Result<std::unique_ptr<HttpServer>> start(Descriptor listening, HttpCallbacks callbacks);

  /// Closes the socket and every connection; what waits is cut. Not from a callback.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Closes the connections that hang. Not from a callback.
  void cut_hanging();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flowmyna::stand_in
