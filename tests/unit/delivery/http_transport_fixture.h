#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "delivery/http_transport.h"
#include "loopback_peer.h"

namespace flowmyna::test {

using Monotonic = std::chrono::steady_clock;
using std::chrono::milliseconds;

inline constexpr const char* kKey = "fm_live_0123456789abcdefghijklmnopqrst-_";

/// A transport and, on this same thread, the API that it talks to.
class HttpTransportTest : public testing::Test {
 protected:
  HttpTransportTest() {
    options_.base_url = "http://127.0.0.1:" + std::to_string(peer_.port());
    options_.api_key = [] { return std::string(kKey); };
  }
  ~HttpTransportTest() override {
    transport_.reset();
    hang_up();
  }

  /// With what stands in `options_` when it is asked for first.
  HttpTransport& transport() {
    if (!transport_) transport_.emplace(options_);
    return *transport_;
  }

  void send(OutgoingRequest request) {
    answer_.reset();
    transport().send(request, [this](Answer answer) { answer_ = std::move(answer); });
  }
  void send_get() {
    OutgoingRequest request;
    request.is_get = true;
    request.path = "/health";
    send(request);
  }
  /// What may not be repeated on the way.
  void send_event(const std::string& body = "{}") {
    OutgoingRequest request;
    request.may_be_repeated = false;
    request.path = "/event/batch";
    body_ = body;
    request.body = &body_;
    send(request);
  }
  void send_upsert() {
    OutgoingRequest request;
    request.path = "/object/batch";
    body_ = "{}";
    request.body = &body_;
    send(request);
  }

  void poll_until(const std::function<bool()>& condition) {
    const auto deadline = Monotonic::now() + milliseconds(kPatienceMs);
    bool is_met = condition();
    while (!is_met && Monotonic::now() < deadline) {
      transport().poll(milliseconds(5));
      is_met = condition();
    }
    EXPECT_TRUE(is_met);
  }
  void await_answer() {
    poll_until([this] { return answer_.has_value(); });
  }

  /// Takes a connection that waits, in place of the one before.
  bool take_connection(const LoopbackPeer& peer) {
    const int fresh = peer.accept_one(0);
    if (fresh < 0) return false;
    hang_up();
    connection_ = fresh;
    return true;
  }
  /// Whether the request came on a connection of its own. Its head is in `head_` then.
  bool take_request_at(const LoopbackPeer& peer) {
    bool is_new = false;
    head_.clear();
    poll_until([&] {
      is_new = take_connection(peer) || is_new;
      char piece[4096];
      const ssize_t size =
          connection_ < 0 ? 0 : recv(connection_, piece, sizeof piece, MSG_DONTWAIT);
      if (size > 0) head_.append(piece, static_cast<std::size_t>(size));
      return head_.find("\r\n\r\n") != std::string::npos;
    });
    return is_new;
  }
  bool take_request() { return take_request_at(peer_); }

  /// As the peer, while the transport reads; until all of it is written, or there is an answer.
  void write(const std::string& text) {
    std::size_t at = 0;
    poll_until([&] {
      const ssize_t size =
          ::send(connection_, text.data() + at, text.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size > 0) at += static_cast<std::size_t>(size);
      return at == text.size() || answer_;
    });
  }
  static std::string answer_of(const std::string& body, const std::string& more_headers = "") {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + more_headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  void answer(const std::string& body, const std::string& more_headers = "") {
    write(answer_of(body, more_headers));
    await_answer();
  }
  /// A request and its answer; whether it went over a connection of its own.
  bool exchange() {
    send_get();
    const bool is_new = take_request();
    answer("{}");
    return is_new;
  }
  /// The peer closes the connection.
  void hang_up() {
    if (connection_ >= 0) close(connection_);
    connection_ = -1;
  }

  LoopbackPeer peer_;
  HttpTransportOptions options_;
  std::optional<HttpTransport> transport_;
  std::optional<Answer> answer_;
  std::string body_;
  std::string head_;
  int connection_ = -1;
};

}  // namespace flowmyna::test
