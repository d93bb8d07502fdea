#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "agent/http/http_server.h"
#include "raw_client.h"

namespace flowmyna::test {

inline HttpResponse ok(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

inline void echo(const HttpRequest& request, Responder responder) {
  responder.send(ok(request.body));
}

/// A handler that keeps every request until the test takes it out.
class Waiting {
 public:
  HttpHandler handler() {
    return [this](const HttpRequest& request, Responder responder) {
      const std::lock_guard lock(mutex_);
      held_.emplace_back(request, std::move(responder));
      arrived_.notify_all();
    };
  }

  std::pair<HttpRequest, Responder> take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !held_.empty(); });
    auto first = std::move(held_.front());
    held_.pop_front();
    return first;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::pair<HttpRequest, Responder>> held_;
};

/// A thread for servers that nobody else serves.
class LoopThread {
 public:
  ~LoopThread() {
    ending_ = true;
    loop_.wake();
    thread_.join();
  }
  EventLoop& loop() { return loop_; }

 private:
  EventLoop loop_;
  std::atomic<bool> ending_{false};
  std::thread thread_{[this] {
    while (!ending_) {
      loop_.begin_turn();
      loop_.wait(std::nullopt);
    }
  }};
};

class HttpServerTest : public testing::Test {
 protected:
  RawClient client() const { return RawClient::unix_socket(socket_path_); }

  std::unique_ptr<HttpServer> open(HttpHandler handler, HttpServerOptions options = {}) {
    auto socket = listen_unix(socket_path_, 0600, "");
    EXPECT_TRUE(socket) << socket.error().message;
    auto server = HttpServer::open(servers_.loop(), std::move(*socket), std::move(options),
                                   std::move(handler));
    EXPECT_TRUE(server) << server.error().message;
    return std::move(*server);
  }

  std::unique_ptr<HttpServer> open_tcp(HttpHandler handler, const std::string& key) {
    auto socket = listen_tcp("127.0.0.1:0");
    EXPECT_TRUE(socket) << socket.error().message;
    HttpServerOptions options;
    options.bearer_key = Secret(key);
    auto server = HttpServer::open(servers_.loop(), std::move(*socket), std::move(options),
                                   std::move(handler));
    EXPECT_TRUE(server) << server.error().message;
    return std::move(*server);
  }

  LoopThread servers_;
  ScratchDirectory scratch_;
  std::filesystem::path socket_path_ = scratch_ / "agent.sock";
};

}  // namespace flowmyna::test
