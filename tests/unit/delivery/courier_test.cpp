#include "delivery/courier.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "loopback_peer.h"

namespace flowmyna::test {
namespace {

using Monotonic = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* kKey = "fm_live_0123456789abcdefghijklmnopqrst-_";

/// A courier and, on this same thread, the API that it talks to.
class CourierTest : public testing::Test {
 protected:
  CourierTest() {
    CourierOptions options;
    options.base_url = "http://127.0.0.1:" + std::to_string(peer_.port());
    options.api_key = [] { return std::string(kKey); };
    courier_.emplace(std::move(options));
  }
  ~CourierTest() override {
    courier_.reset();
    if (connection_ >= 0) close(connection_);
  }

  void send() {
    answer_.reset();
    OutgoingRequest request;
    request.is_get = true;
    request.path = "/health";
    courier_->send(request, [this](Answer answer) { answer_ = std::move(answer); });
  }
  void poll_until(const std::function<bool()>& condition) {
    const auto deadline = Monotonic::now() + milliseconds(kPatienceMs);
    while (!condition() && Monotonic::now() < deadline) courier_->poll(milliseconds(5));
    EXPECT_TRUE(condition());
  }
  /// Whether the request came on a connection of its own.
  bool take_request() {
    bool is_new = false;
    std::string head;
    poll_until([&] {
      const int fresh = peer_.accept_one(0);
      if (fresh >= 0) {
        if (connection_ >= 0) close(connection_);
        connection_ = fresh;
        is_new = true;
      }
      char piece[4096];
      const ssize_t size =
          connection_ < 0 ? 0 : recv(connection_, piece, sizeof piece, MSG_DONTWAIT);
      if (size > 0) head.append(piece, static_cast<std::size_t>(size));
      return head.ends_with("\r\n\r\n");
    });
    return is_new;
  }
  void answer(const std::string& body) {
    const std::string text =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    EXPECT_EQ(::send(connection_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    poll_until([&] { return answer_.has_value(); });
  }
  /// A request and its answer; whether it went over a connection of its own.
  bool exchange() {
    send();
    const bool is_new = take_request();
    answer("{}");
    return is_new;
  }

  LoopbackPeer peer_;
  std::optional<Courier> courier_;
  std::optional<Answer> answer_;
  int connection_ = -1;
};

TEST_F(CourierTest, AConnectionIsUsedAgain) {
  EXPECT_TRUE(exchange());
  EXPECT_FALSE(exchange());
}

TEST_F(CourierTest, AConnectionOfBeforeTheNetworkChangedIsNotUsedAgain) {
  EXPECT_TRUE(exchange());
  courier_->network_changed();
  EXPECT_TRUE(exchange());
}

TEST_F(CourierTest, NeitherIsItSecondsLaterWhileNewerOnesAre) {
  EXPECT_TRUE(exchange());
  courier_->network_changed();
  // Beyond the first two seconds the connections' age decides, not a flag.
  const auto end = Monotonic::now() + milliseconds(2'100);
  while (Monotonic::now() < end) courier_->poll(milliseconds(20));
  EXPECT_TRUE(exchange());
  EXPECT_FALSE(exchange());
}

TEST_F(CourierTest, ATransferThatMayStillBeAnsweredIsLeftToFinishWhenTheNetworkChanges) {
  send();
  take_request();
  courier_->network_changed();
  for (int i = 0; i < 10; ++i) courier_->poll(milliseconds(1));
  EXPECT_FALSE(answer_.has_value());
  answer("{}");
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kAnswered);
}

TEST_F(CourierTest, AnAnswerThatQuotesTheKeyIsMasked) {
  send();
  take_request();
  answer(std::string(R"({"detail":"Invalid key )") + kKey + "\"}");
  EXPECT_EQ(answer_->body, R"({"detail":"Invalid key [the API key]"})");
}

}  // namespace
}  // namespace flowmyna::test
