// The freedoms in how an answer is written down: its text, its headers, its connection.

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <ctime>

#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

/// Seconds from now to the date of an answer; a large number when there is none.
double seconds_to(const std::string& http_date) {
  std::tm parts{};
  if (::strptime(http_date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return 1e9;
  return std::difftime(::timegm(&parts), std::time(nullptr));
}

TEST_F(SimTest, TheContentTypeIsWrittenOddlyOrAbsent) {
  const auto type = [this](const std::string& document) {
    dialect(document);
    const auto result = post("/object/upsert", kOneUpsert);
    return result->has_header("Content-Type") ? result->get_header_value("Content-Type") : "none";
  };
  EXPECT_EQ(type("{}"), "application/json");
  EXPECT_EQ(type(R"({"content_type":"Application/JSON; Charset=UTF-8"})"),
            "Application/JSON; Charset=UTF-8");
  EXPECT_EQ(type(R"({"content_type":null})"), "none");
}

TEST_F(SimTest, APageKeepsItsContentType) {
  dialect(R"({"content_type":null,"bom":true})");
  faults(R"([{"fault":"html_200"}])");
  const auto result = post("/object/upsert", kOneUpsert);
  EXPECT_EQ(result->get_header_value("Content-Type"), "text/html; charset=utf-8");
  EXPECT_TRUE(result->body.starts_with("<!DOCTYPE"));
}

TEST_F(SimTest, TheTextHasAByteOrderMarkWhiteSpaceAroundItOrLinesInIt) {
  const auto text = [this](const std::string& document) {
    dialect(document);
    return post("/object/upsert", "[")->body;
  };
  const std::string plain = text("{}");
  EXPECT_EQ(text(R"({"bom":true})"), "\xEF\xBB\xBF" + plain);
  EXPECT_EQ(text(R"({"leading":"\r\n ","trailing":"\n\n"})"), "\r\n " + plain + "\n\n");
  EXPECT_TRUE(text(R"({"pretty":true})").starts_with("{\n  \"detail\": "));
}

TEST_F(SimTest, AnAnswerIsCompressedWhereTheClientAcceptsIt) {
  for (const std::string coding : {"gzip", "deflate"}) {
    dialect(R"({"encoding":")" + coding + "\"}");
    const auto accepted = post("/object/upsert", kOneUpsert, {{"Accept-Encoding", coding}});
    EXPECT_EQ(accepted->get_header_value("Content-Encoding"), coding);
    EXPECT_EQ(json_of(accepted)["external_id"], "O-1");
    for (const std::string other : {"br", "identity", "gzip;q=0, deflate;q=0", "x-gzip"}) {
      const auto result = post("/object/upsert", kOneUpsert, {{"Accept-Encoding", other}});
      EXPECT_FALSE(result->has_header("Content-Encoding")) << other;
    }
  }
}

TEST_F(SimTest, AnAnswerIsCompressedWithoutBeingAsked) {
  client_->set_decompress(false);
  for (const auto& [encoding, first] :
       {std::pair{"gzip_always", '\x1F'}, std::pair{"deflate_always", '\x78'}}) {
    dialect(R"({"encoding":")" + std::string(encoding) + "\"}");
    const auto result = post("/object/upsert", kOneUpsert, {{"Accept-Encoding", "identity"}});
    EXPECT_TRUE(result->has_header("Content-Encoding"));
    EXPECT_EQ(result->body.front(), first);
  }
}

TEST_F(SimTest, EveryAnswerHasADate) {
  EXPECT_NEAR(seconds_to(post("/object/upsert", kOneUpsert)->get_header_value("Date")), 0, 5);
  EXPECT_NEAR(seconds_to(get("/sim/counts")->get_header_value("Date")), 0, 5);
  faults(R"([{"fault":"status","status":503}])");
  EXPECT_NEAR(seconds_to(post("/object/upsert", kOneUpsert)->get_header_value("Date")), 0, 5);
}

TEST_F(SimTest, TheDateIsSkewedAbsentOrNoDate) {
  const auto date = [this](const std::string& document) {
    dialect(document);
    const auto result = post("/event", R"({"event":"E","objects":[{"type":"T","id":"1"}]})");
    return result->has_header("Date") ? result->get_header_value("Date") : "none";
  };
  EXPECT_NEAR(seconds_to(date(R"({"date_skew_s":-86400})")), -86400, 5);
  EXPECT_EQ(date(R"({"date":false})"), "none");
  EXPECT_EQ(date(R"({"date":"soon"})"), "soon");
}

TEST_F(SimTest, EveryAnswerIsLateByAFixedDelay) {
  dialect(R"({"answer_delay_ms":200})");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));
}

TEST_F(SimTest, AConnectionIsClosedAfterEachAnswer) {
  dialect(R"({"close_each":true})");
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->get_header_value("Connection"), "close");
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
}

TEST_F(SimTest, AConnectionIsClosedOnceItWasIdleForAWhile) {
  const auto closed_within = [this](std::chrono::seconds patience) {
    post("/object/upsert", kOneUpsert);
    std::array<char, 1> byte{};
    pollfd connection{static_cast<int>(client_->socket()), POLLIN, 0};
    const auto timeout = std::chrono::milliseconds(patience).count();
    return ::poll(&connection, 1, static_cast<int>(timeout)) == 1 &&
           ::recv(connection.fd, byte.data(), byte.size(), 0) == 0;
  };
  EXPECT_FALSE(closed_within(std::chrono::seconds(2)));
  dialect(R"({"idle_timeout_s":1})");
  EXPECT_TRUE(closed_within(std::chrono::seconds(20)));
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200) << "on a new connection";
}

TEST_F(SimTest, ATimeoutOfIdlenessDoesNotEndARequestUnderWay) {
  dialect(R"({"idle_timeout_s":1})");
  post("/object/upsert", kOneUpsert);
  faults(R"([{"fault":"slow","delay_ms":2500}])");
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
}

}  // namespace
}  // namespace flowmyna::stand_in
