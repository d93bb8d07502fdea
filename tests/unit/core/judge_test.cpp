// Every row of the failure table that an answer can be, and the 200 that is none.

#include "core/judge.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/core/verdict_text.h"

namespace flowmyna::test {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT

const std::string kTwoUpserts =
    R"({"objects":[{"type":"Order","id":"1"},{"type":"Order","id":"2"}]})";
const std::string kTwoEvents = R"({"events":[{"event":"A"},{"event":"B"}]})";

const std::string kTwoObjectsDone =
    R"({"success":true,"processed":2,"failed":0,"objects":[)"
    R"({"object_id":"u1","object_type":"Order","external_id":"1","created":true},)"
    R"({"object_id":"u2","object_type":"Order","external_id":"2","created":false}],"errors":[]})";
const std::string kTwoEventsDone =
    R"({"success":true,"processed":2,"failed":0,"event_ids":["u1","u2"],"errors":[]})";
const std::string kPortal = "<!DOCTYPE html><html><body>Please log in</body></html>";

/// The verdict on two items of each kind; one text where both are judged alike.
std::string verdicts(const Answer& answer) {
  const std::string upserts = text(judge(Kind::kUpsert, 2, kTwoUpserts, answer, kNow));
  const std::string events = text(judge(Kind::kEvent, 2, kTwoEvents, answer, kNow));
  return upserts == events ? upserts : "upserts: " + upserts + " | events: " + events;
}

struct Row {
  std::string name;
  Answer answer;
  std::string verdict;
};
void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

class JudgeTable : public testing::TestWithParam<Row> {};

TEST_P(JudgeTable, IsJudgedAsDocumented) {
  EXPECT_EQ(verdicts(GetParam().answer), GetParam().verdict);
}

Answer unanswered(Answer::Delivery delivery, const std::string& error) {
  Answer answer;
  answer.delivery = delivery;
  answer.error = error;
  return answer;
}

Answer html(int status, const std::string& body) {
  Answer answer = answered(status, body);
  answer.content_type = "text/html; charset=utf-8";
  return answer;
}

const std::string kNotTheApi = " that is not the API's (a captive portal or proxy?): ";
const std::string kWrongShape = "retry, outcome unknown: HTTP 200 without the API's shape: ";

/// What may be left of the API's own answer.
const std::string kBroken = "retry, outcome unknown: HTTP 200" + kNotTheApi;

const std::vector<Row> kRows = {
    {"NotSent", unanswered(Answer::Delivery::kNotSent, "no route to host"),
     "release: no route to host"},
    {"Lost", unanswered(Answer::Delivery::kLost, "connection reset"),
     "retry, outcome unknown: connection reset"},
    {"HtmlWith200", html(200, kPortal), "retry: HTTP 200" + kNotTheApi + kPortal},
    {"HtmlWith200AndNoContentType", answered(200, "\r\n " + kPortal),
     "retry: HTTP 200" + kNotTheApi + "   " + kPortal},
    {"JsonOfSomeoneElseWith200", answered(200, R"({"login":"/portal"})"),
     kWrongShape + R"({"login":"/portal"})"},
    {"Garbage200", answered(200, "\x01\xff\xfe garbage"), kBroken + " "},
    {"Truncated200", answered(200, R"({"success":true,"proc)"),
     kBroken + R"({"success":true,"proc)"},
    {"Empty200", answered(200), kBroken},
    {"AnArrayWith200", answered(200, "[]"), kBroken + "[]"},
    {"NullWith200", answered(200, "null"), kBroken + "null"},
    {"Status204", answered(204), "retry: HTTP 204"},
    {"Status207", answered(207, kTwoEventsDone), "retry: HTTP 207: " + kTwoEventsDone},
    {"MovedPermanently", answered(301),
     "retry: HTTP 301, a redirect, which is never followed: check api.url"},
    {"TemporaryRedirect", answered(307),
     "retry: HTTP 307, a redirect, which is never followed: check api.url"},
    {"BadRequestOfTheApi", answered(400, R"({"detail":"no"})"), "split: HTTP 400: no"},
    {"BadRequestOfAProxy", html(400, "<h1>Bad Request</h1>"),
     "retry: HTTP 400" + kNotTheApi + "<h1>Bad Request</h1>"},
    {"Unauthorized", answered(401, R"({"detail":"Invalid API key"})"),
     "unauthorized: HTTP 401, the API key is not accepted: Invalid API key"},
    {"Forbidden", answered(403), "unauthorized: HTTP 403, the API key is not accepted"},
    {"NotFound", answered(404, R"({"detail":"Not Found"})"),
     "misconfigured: HTTP 404, no such endpoint: check api.url: Not Found"},
    {"MethodNotAllowed", answered(405), "misconfigured: HTTP 405, no such endpoint: check api.url"},
    {"RequestTimeout", answered(408), "retry: HTTP 408"},
    {"TooLarge", html(413, "<h1>413</h1>"), "split: HTTP 413: <h1>413</h1>"},
    {"UnprocessableOfTheApi",
     answered(422, R"({"detail": [{"loc": ["body", "objects", 0], "msg": "bad", "type": "x"}]})"),
     R"(split: HTTP 422: [{"loc":["body","objects",0],"msg":"bad","type":"x"}])"},
    {"UnprocessableOfAProxy", answered(422, "blocked"), "retry: HTTP 422" + kNotTheApi + "blocked"},
    {"UnprocessableWithoutDetail", answered(422, "{}"), "retry: HTTP 422" + kNotTheApi + "{}"},
    {"TooEarly", answered(425), "retry: HTTP 425"},
    {"ServerError", answered(500, R"({"detail":"Internal server error"})"),
     "retry: HTTP 500: Internal server error"},
    {"BadGateway", html(502, "<h1>502</h1>"), "retry, outcome unknown: HTTP 502: <h1>502</h1>"},
    {"Unavailable", answered(503), "retry: HTTP 503"},
    {"GatewayTimeout", answered(504), "retry, outcome unknown: HTTP 504"},
    {"StatusOfNoStandard", answered(999), "retry: HTTP 999"},
};
INSTANTIATE_TEST_SUITE_P(Answers, JudgeTable, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

TEST(Judge, AnAnswerInTheApisShapeSettlesEveryItem) {
  EXPECT_EQ(text(judge(Kind::kUpsert, 2, kTwoUpserts, answered(200, kTwoObjectsDone), kNow)),
            "settle + +");
  EXPECT_EQ(text(judge(Kind::kEvent, 2, kTwoEvents, answered(200, kTwoEventsDone), kNow)),
            "settle + +");
}

TEST(Judge, TheAnswerToTheOtherKindIsNotTheApisShape) {
  EXPECT_EQ(text(judge(Kind::kUpsert, 2, kTwoUpserts, answered(200, kTwoEventsDone), kNow)),
            kWrongShape + kTwoEventsDone);
}

TEST(Judge, CountsThatDoNotAccountForEveryItemSettleNothing) {
  const std::vector<std::string> bodies = {
      R"({"success":true,"processed":1,"failed":0,"event_ids":["u1"],"errors":[]})",
      R"({"success":true,"processed":3,"failed":0,"event_ids":["u1","u2","u3"],"errors":[]})",
      R"({"success":true,"processed":2,"failed":1,"event_ids":["u1","u2"],"errors":[]})",
      R"({"success":true,"processed":2,"failed":0,"event_ids":["u1"],"errors":[]})",
      R"({"success":true,"processed":1,"failed":1,"event_ids":["u1","u2"],"errors":["x"]})",
      R"({"success":true,"processed":-2,"failed":4,"event_ids":[],"errors":[]})",
      R"({"success":true,"processed":2.0,"failed":0,"event_ids":["u1","u2"],"errors":[]})",
      R"({"success":true,"processed":18446744073709551615,"failed":3,"event_ids":[],"errors":[]})",
      R"({"success":"true","processed":2,"failed":0,"event_ids":["u1","u2"],"errors":[]})",
      R"({"success":true,"processed":2,"failed":0,"event_ids":["u1","u2"],"errors":null})",
      R"({"success":true,"processed":2,"failed":0,"event_ids":{"0":"u1","1":"u2"},"errors":[]})",
      R"({"processed":2,"failed":0,"event_ids":["u1","u2"],"errors":[]})",
  };
  for (const auto& body : bodies) {
    EXPECT_EQ(text(judge(Kind::kEvent, 2, kTwoEvents, answered(200, body), kNow)),
              kWrongShape + body);
  }
}

std::int64_t wait_s(const std::string& retry_after, const std::string& reset = "") {
  Answer answer = answered(429, R"({"detail":"slow down"})");
  answer.retry_after = retry_after;
  answer.rate_limit_reset = reset;
  const Verdict verdict = judge(Kind::kEvent, 2, kTwoEvents, answer, kNow);
  EXPECT_EQ(verdict.action, Verdict::Action::kThrottled);
  EXPECT_FALSE(verdict.outcome_unknown);
  EXPECT_EQ(verdict.reason, "HTTP 429, too many requests: slow down");
  return verdict.wait.count() / 1000;
}

TEST(JudgeThrottle, RetryAfterInSecondsIsKept) {
  EXPECT_EQ(wait_s("30"), 30);
  EXPECT_EQ(wait_s("3600"), 3600);
}

TEST(JudgeThrottle, RetryAfterAsADateIsCountedFromNow) {
  EXPECT_EQ(wait_s("Tue, 14 Nov 2023 22:14:20 GMT"), 60);
}

TEST(JudgeThrottle, XRateLimitResetIsCountedFromNowWhereThereIsNoRetryAfter) {
  EXPECT_EQ(wait_s("", std::to_string(kNow + 45)), 45);
  EXPECT_EQ(wait_s("10", std::to_string(kNow + 45)), 10);
  EXPECT_EQ(wait_s("soon", std::to_string(kNow + 45)), 45);
}

TEST(JudgeThrottle, NoWaitIsShorterThanASecond) {
  for (const auto& retry_after :
       {"0", "-1", "-1000000000000000000", "-99999999999999999999", "Tue, 14 Nov 2023 22:13:20 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"}) {
    EXPECT_EQ(wait_s(retry_after), 1) << retry_after;
  }
  for (const auto& reset : {"0", "-5", "1", "-9223372036854775808"}) {
    EXPECT_EQ(wait_s("", reset), 1) << reset;
  }
}

TEST(JudgeThrottle, NoWaitIsLongerThanAnHour) {
  for (const auto& retry_after :
       {"3601", "1000000000000000000", "9223372036854775807", "99999999999999999999",
        "Tue, 14 Nov 2028 22:13:20 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    EXPECT_EQ(wait_s(retry_after), 3600) << retry_after;
  }
  for (const auto& reset : {"1800000000", "9223372036854775807", "99999999999999999999"}) {
    EXPECT_EQ(wait_s("", reset), 3600) << reset;
  }
}

TEST(JudgeThrottle, WhatIsNoTimeWaitsASecond) {
  for (const auto& text : {"", " ", "soon", "1.5", "1e9", "0x10", "12 seconds", "Tue, 14 Nov",
                           "Tue, 99 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:20 GMT!"}) {
    EXPECT_EQ(wait_s(text, text), 1) << text;
  }
}

/// Nothing in it moves a cursor, ends a log line or breaks the encoding.
bool is_printable(std::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    // C1 control characters: U+0080 to U+009F.
    if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

TEST(JudgeReason, IsOneReadableLineWhateverTheOtherSideSends) {
  const std::string hostile =
      "a\r\nb\tc\x1b[2Jd\x7f"
      "e\xc2\x9b"
      "31mf";
  for (const int status : {200, 302, 400, 401, 404, 413, 422, 429, 500, 502, 503}) {
    for (const std::string& body :
         {hostile, R"({"detail":")" + std::string("x\\r\\n\\u001b[2J\\u009b31m\\u007f") + "\"}"}) {
      const auto verdict = judge(Kind::kEvent, 2, kTwoEvents, answered(status, body), kNow);
      EXPECT_TRUE(is_printable(verdict.reason)) << status << " " << verdict.reason;
    }
  }
  const auto lost = unanswered(Answer::Delivery::kLost, hostile);
  EXPECT_EQ(verdicts(lost), "retry, outcome unknown: a  b c [2Jd e 31mf");
}

TEST(JudgeReason, QuotesTheBeginningOfALongBodyInWholeCharacters) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string body(shift, 'x');
    for (int i = 0; i < 200; ++i) body += "ä€";
    const auto verdict = judge(Kind::kEvent, 2, kTwoEvents, answered(503, body), kNow);
    EXPECT_LT(verdict.reason.size(), 330U);
    EXPECT_TRUE(verdict.reason.ends_with("…"));
    EXPECT_TRUE(is_printable(verdict.reason));
    EXPECT_EQ(verdict.reason.substr(0, 12 + shift), "HTTP 503: " + std::string(shift, 'x') + "ä");
  }
}

std::string health(const Answer& answer) {
  return text(judge_health(answer, kNow));
}

TEST(JudgeHealth, OnlyTheApisOwnAnswerIsHealthy) {
  EXPECT_EQ(health(answered(200, R"({"status":"healthy","workspace_id":"w"})")), "settle");
  EXPECT_EQ(health(html(200, kPortal)), "retry: HTTP 200" + kNotTheApi + kPortal);
  EXPECT_EQ(health(answered(200)), "retry: HTTP 200" + kNotTheApi);
  EXPECT_EQ(health(answered(200, "[]")), "retry: HTTP 200" + kNotTheApi + "[]");
  EXPECT_EQ(health(answered(200, R"({"status":"ok"})")),
            "retry: HTTP 200" + kNotTheApi + R"({"status":"ok"})");
  EXPECT_EQ(health(answered(200, R"({"status":["healthy"]})")),
            "retry: HTTP 200" + kNotTheApi + R"({"status":["healthy"]})");
}

TEST(JudgeHealth, NothingIsSplitOrOfUnknownOutcome) {
  EXPECT_EQ(health(answered(422, R"({"detail":"no"})")), "retry: HTTP 422: no");
  EXPECT_EQ(health(answered(413)), "retry: HTTP 413");
  EXPECT_EQ(health(answered(502)), "retry: HTTP 502");
  EXPECT_EQ(health(unanswered(Answer::Delivery::kLost, "timed out")), "retry: timed out");
  EXPECT_EQ(health(unanswered(Answer::Delivery::kNotSent, "refused")), "release: refused");
  EXPECT_EQ(health(answered(401)), "unauthorized: HTTP 401, the API key is not accepted");
  EXPECT_EQ(health(answered(404)), "misconfigured: HTTP 404, no such endpoint: check api.url");
}

}  // namespace
}  // namespace flowmyna::test
