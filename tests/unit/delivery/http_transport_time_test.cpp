// How long a request may take: as long as something moves.

#include <gtest/gtest.h>

#include "http_transport_fixture.h"

namespace flowmyna::test {
namespace {

class HttpTransportTimeTest : public HttpTransportTest {
 protected:
  /// The peer reads up to `bytes` now.
  std::size_t read_some(std::size_t bytes) {
    std::string piece(bytes, '\0');
    const ssize_t size = recv(connection_, piece.data(), piece.size(), MSG_DONTWAIT);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  /// As whoever has nothing else to do.
  void poll_for_long() {
    const auto deadline = Monotonic::now() + milliseconds(kPatienceMs);
    while (!answer_ && Monotonic::now() < deadline) transport().poll(milliseconds(kPatienceMs));
  }
  void expect_timed_out(const std::string& after, const std::string& detail) {
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->delivery, Answer::Delivery::kLost);
    EXPECT_TRUE(answer_->timed_out);
    EXPECT_EQ(answer_->error, "timed out after " + after +
                                  " waiting for an answer from 127.0.0.1:" +
                                  std::to_string(peer_.port()) + " (" + detail + ")");
  }
};

TEST_F(HttpTransportTimeTest, ALargeRequestOverASlowLinkIsWaitedFor) {
  options_.request_timeout = milliseconds(1'000);
  constexpr std::size_t kBodyBytes = 200'000;
  constexpr std::size_t kBytesPerSecond = 40'000;
  const auto begin = Monotonic::now();
  send_event(std::string(kBodyBytes, 'x'));
  std::size_t taken = 0;
  poll_until([&] {
    if (connection_ < 0) take_connection(peer_);
    const auto ms = std::chrono::duration_cast<milliseconds>(Monotonic::now() - begin).count();
    const std::size_t may = kBytesPerSecond * static_cast<std::size_t>(ms) / 1000;
    if (connection_ >= 0 && may > taken) taken += read_some(may - taken);
    return taken >= kBodyBytes || answer_;
  });
  EXPECT_GT(Monotonic::now() - begin, options_.request_timeout);
  ASSERT_FALSE(answer_) << answer_->error;
  answer("{}");
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kAnswered);
}

TEST_F(HttpTransportTimeTest, APeerThatIsSilentIsGivenUpAfterTheLimit) {
  options_.request_timeout = milliseconds(400);
  const auto begin = Monotonic::now();
  send_event();
  take_request();
  poll_for_long();
  EXPECT_GE(Monotonic::now() - begin, options_.request_timeout);
  EXPECT_LT(Monotonic::now() - begin, milliseconds(kPatienceMs / 2));
  expect_timed_out("0.4 s", "nothing moves");
  EXPECT_EQ(end_of(connection_), 0);  // and nothing follows
}

TEST_F(HttpTransportTimeTest, APeerThatReadsNothingAsWell) {
  options_.request_timeout = milliseconds(400);
  send_event(std::string(8U << 20U, 'x'));
  poll_until([this] { return take_connection(peer_); });
  poll_for_long();
  expect_timed_out("0.4 s", "nothing moves");
}

TEST_F(HttpTransportTimeTest, APeerThatTricklesIsGivenUpAtTheEndOfAllPatience) {
  options_.request_timeout = milliseconds(400);
  const auto begin = Monotonic::now();
  send_event();
  take_request();
  write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  poll_until([this] {
    write("x");
    return answer_.has_value();
  });
  EXPECT_GE(Monotonic::now() - begin, 10 * options_.request_timeout);
  expect_timed_out("4 s", "it comes too slowly");
}

}  // namespace
}  // namespace flowmyna::test
