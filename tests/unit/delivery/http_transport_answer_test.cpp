// What is taken of an answer: its headers, its encoding, and no more than the API would send.

#include <gtest/gtest.h>
#include <zlib.h>

#include "http_transport_fixture.h"

namespace flowmyna::test {
namespace {

constexpr const char* kGzip = "Content-Encoding: gzip\r\n";
constexpr int kGzipWindow = 15 + 16;  // deflateInit2(): gzip's frame instead of zlib's
constexpr int kZlibWindow = 15;

std::string packed(const std::string& text, int window_bits) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class HttpTransportAnswerTest : public HttpTransportTest {
 protected:
  void ask() {
    send_event();
    take_request();
  }
  void expect_lost(const std::string& words) {
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->delivery, Answer::Delivery::kLost);
    EXPECT_EQ(answer_->error.substr(0, words.size()), words) << answer_->error;
    EXPECT_EQ(answer_->body, "");
    EXPECT_FALSE(answer_->timed_out);
  }
  std::string peer_name() const { return "127.0.0.1:" + std::to_string(peer_.port()); }
};

TEST_F(HttpTransportAnswerTest, OneThatQuotesTheKeyIsMasked) {
  ask();
  answer(std::string(R"({"detail":"Invalid key )") + kKey + "\"}");
  EXPECT_EQ(answer_->body, R"({"detail":"Invalid key [the API key]"})");
}

TEST_F(HttpTransportAnswerTest, TheHeadersThatMatterAreTakenAsWritten) {
  ask();
  answer(
      "{}",
      "DATE: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: 7\r\nX-RateLimit-Reset: 1700000000\r\n");
  EXPECT_EQ(answer_->date, "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(answer_->retry_after, "7");
  EXPECT_EQ(answer_->rate_limit_reset, "1700000000");
  EXPECT_EQ(answer_->content_type, "application/json");
}

TEST_F(HttpTransportAnswerTest, ItMayBePacked) {
  ask();
  EXPECT_NE(head_.find("\r\nAccept-Encoding: gzip, deflate\r\n"), std::string::npos) << head_;
  answer(packed(R"({"success":true})", kGzipWindow), kGzip);
  EXPECT_EQ(answer_->body, R"({"success":true})");
  ask();
  answer(packed(R"({"success":false})", kZlibWindow), "Content-Encoding: deflate\r\n");
  EXPECT_EQ(answer_->body, R"({"success":false})");
}

TEST_F(HttpTransportAnswerTest, PackedInABrokenWayItIsLost) {
  ask();
  answer(R"({"success":true})", kGzip);
  expect_lost("the answer from " + peer_name() + " cannot be unpacked (");
}

TEST_F(HttpTransportAnswerTest, PackedInAnUnknownWayItIsLost) {
  ask();
  answer(R"({"success":true})", "Content-Encoding: rot13\r\n");
  expect_lost("the answer from " + peer_name() + " cannot be unpacked (");
}

TEST_F(HttpTransportAnswerTest, AsLargeAsTheApiSendsItIsTaken) {
  ask();
  const std::string body(100'000, 'x');
  answer(body);
  EXPECT_EQ(answer_->body, body);
}

TEST_F(HttpTransportAnswerTest, LargerItIsLost) {
  ask();
  answer(std::string(4U << 20U, 'x'));
  expect_lost("the answer is too large to be the API's");
}

TEST_F(HttpTransportAnswerTest, AlsoWithoutALength) {
  ask();
  write("HTTP/1.1 200 OK\r\n\r\n" + std::string(4U << 20U, 'x'));
  await_answer();
  expect_lost("the answer is too large to be the API's");
}

TEST_F(HttpTransportAnswerTest, ItsLimitCountsWhatIsUnpacked) {
  ask();
  const std::string bomb = packed(std::string(64U << 20U, '0'), kGzipWindow);
  EXPECT_LT(bomb.size(), 100'000U);
  answer(bomb, kGzip);
  expect_lost("the answer is too large to be the API's");
}

TEST_F(HttpTransportAnswerTest, AHeadWithoutEndIsLost) {
  ask();
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 2'000; ++i) head += "X-Header: " + std::string(1'000, 'x') + "\r\n";
  write(head);
  await_answer();
  expect_lost("");  // in libcurl's words, where it has a limit of its own
}

}  // namespace
}  // namespace flowmyna::test
