// Which connection carries a request, and how often.

#include "delivery/http_transport.h"

#include <gtest/gtest.h>

#include "http_transport_fixture.h"

namespace flowmyna::test {
namespace {

TEST_F(HttpTransportTest, AConnectionIsUsedAgain) {
  EXPECT_TRUE(exchange());
  EXPECT_FALSE(exchange());
}

TEST_F(HttpTransportTest, AConnectionOfBeforeTheNetworkChangedIsNotUsedAgain) {
  EXPECT_TRUE(exchange());
  transport().network_changed();
  EXPECT_TRUE(exchange());
}

TEST_F(HttpTransportTest, NeitherIsItSecondsLaterWhileNewerOnesAre) {
  EXPECT_TRUE(exchange());
  transport().network_changed();
  // Beyond the first two seconds the connections' age decides, not a flag.
  const auto end = Monotonic::now() + milliseconds(2'100);
  while (Monotonic::now() < end) transport().poll(milliseconds(20));
  EXPECT_TRUE(exchange());
  EXPECT_FALSE(exchange());
}

TEST_F(HttpTransportTest, ATransferThatMayStillBeAnsweredIsLeftToFinishWhenTheNetworkChanges) {
  send_get();
  take_request();
  transport().network_changed();
  for (int i = 0; i < 10; ++i) transport().poll(milliseconds(1));
  EXPECT_FALSE(answer_.has_value());
  answer("{}");
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kAnswered);
}

TEST_F(HttpTransportTest, AConnectionThatWasIdleForLongerThanServersKeepOneIsNotUsedAgain) {
  exchange();
  const auto end = Monotonic::now() + milliseconds(4'000);  // uvicorn closes after 5 s
  while (Monotonic::now() < end) transport().poll(milliseconds(20));
  EXPECT_TRUE(exchange());
}

TEST_F(HttpTransportTest, AConnectionThatIsAlwaysBusyIsReplacedOnceItIsOld) {
  options_.connection_age_max = std::chrono::seconds(2);
  exchange();
  poll_until([this] { return exchange(); });
}

TEST_F(HttpTransportTest, AlsoAfterTheNetworkChanged) {
  options_.connection_age_max = std::chrono::seconds(2);
  exchange();
  transport().network_changed();
  const auto end = Monotonic::now() + milliseconds(2'100);
  while (Monotonic::now() < end) transport().poll(milliseconds(20));
  EXPECT_TRUE(exchange());
  poll_until([this] { return exchange(); });
}

TEST_F(HttpTransportTest, ARequestDoesNotLeaveOnAConnectionThatThePeerHasClosed) {
  exchange();
  hang_up();
  send_event();
  EXPECT_TRUE(take_request());
  answer("{}");
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kAnswered);
  EXPECT_EQ(answer_->sends, 1U);
}

TEST_F(HttpTransportTest, NorOnOneOnWhichAnAnswerToNothingCameIn) {
  exchange();
  // What some servers say before they close an idle connection; it would answer the next request.
  write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  send_event();
  EXPECT_TRUE(take_request());
  answer("{}");
  EXPECT_EQ(answer_->status, 200);
  EXPECT_EQ(answer_->sends, 1U);
}

TEST_F(HttpTransportTest, AnEventWhoseConnectionBreaksIsLostAndNeverSentAgain) {
  exchange();
  send_event();
  EXPECT_FALSE(take_request());
  hang_up();
  poll_until([this] { return answer_ || peer_.accept_one(0) >= 0; });
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kLost);
  EXPECT_EQ(answer_->error, "the connection broke before an answer came");
  EXPECT_EQ(answer_->sends, 1U);
  // libcurl connects anew before it is told not to send; nothing may come over that.
  char byte = 0;
  if (take_connection(peer_)) {
    EXPECT_LE(recv(connection_, &byte, 1, 0), 0);
  }
}

TEST_F(HttpTransportTest, AnUpsertIsSentAgainAndThatIsCounted) {
  exchange();
  send_upsert();
  EXPECT_FALSE(take_request());
  hang_up();
  EXPECT_TRUE(take_request());
  answer("{}");
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kAnswered);
  EXPECT_EQ(answer_->sends, 2U);
}

TEST_F(HttpTransportTest, WithoutAKeyNothingLeavesAndTheAnswerSaysWhatToDo) {
  options_.api_key = [] { return std::string(); };
  send_get();
  await_answer();
  EXPECT_EQ(answer_->delivery, Answer::Delivery::kNotSent);
  EXPECT_EQ(answer_->obstacle, Answer::Obstacle::kNoKey);
  EXPECT_EQ(answer_->error, "no API key: set api.key_file or FLOWMYNA_API_KEY");
  EXPECT_EQ(answer_->sends, 0U);
  EXPECT_LT(peer_.accept_one(0), 0);
}

TEST_F(HttpTransportTest, OrWhyTheOneThatIsConfiguredIsOfNoUse) {
  options_.api_key = [] { return std::string(); };
  options_.key_problem = [] { return std::string("/etc/key is not there yet"); };
  send_get();
  await_answer();
  EXPECT_EQ(answer_->obstacle, Answer::Obstacle::kNoKey);
  EXPECT_EQ(answer_->error, "/etc/key is not there yet");
}

}  // namespace
}  // namespace flowmyna::test
