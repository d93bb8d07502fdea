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

const std::string kRedirect = ", a redirect, which is never followed: check api.url";
const std::string kWrongKey = ", the API key is not accepted";
const std::string kWrongAddress = ", no such endpoint: check api.url";

/// In the order of the failure table.
const std::vector<Row> kRows = {
    // no route, DNS, refused, timeout, TLS error
    {"NoRoute", unanswered(Answer::Delivery::kNotSent, "no route to host"),
     "release: no route to host"},
    {"NoName", unanswered(Answer::Delivery::kNotSent, "cannot resolve api.flowmyna.com"),
     "release: cannot resolve api.flowmyna.com"},
    {"Refused", unanswered(Answer::Delivery::kNotSent, "connection refused"),
     "release: connection refused"},
    {"ConnectTimeout", unanswered(Answer::Delivery::kNotSent, "timed out connecting"),
     "release: timed out connecting"},
    {"TlsError", unanswered(Answer::Delivery::kNotSent, "the certificate is for another name"),
     "release: the certificate is for another name"},
    {"AnswerTimeout", unanswered(Answer::Delivery::kLost, "timed out waiting for an answer"),
     "retry, outcome unknown: timed out waiting for an answer"},
    {"Reset", unanswered(Answer::Delivery::kLost, "connection reset"),
     "retry, outcome unknown: connection reset"},

    // 200 that is not the API's shape, truncated, empty
    {"PageWith200", html(200, kPortal), "retry: HTTP 200" + kNotTheApi + kPortal},
    {"PageWith200AndNoContentType", answered(200, "\r\n " + kPortal),
     "retry: HTTP 200" + kNotTheApi + "   " + kPortal},
    {"JsonOfSomeoneElseWith200", answered(200, R"({"login":"/portal"})"),
     kWrongShape + R"({"login":"/portal"})"},
    {"TheHealthAnswerWith200", answered(200, R"({"status":"healthy"})"),
     kWrongShape + R"({"status":"healthy"})"},
    {"AnErrorBodyWith200", answered(200, R"({"detail":"no"})"), kWrongShape + R"({"detail":"no"})"},
    {"Garbage200", answered(200, "\x01\xff\xfe garbage"), kBroken + " "},
    {"TextWith200", answered(200, "OK"), kBroken + "OK"},
    {"Truncated200", answered(200, R"({"success":true,"proc)"),
     kBroken + R"({"success":true,"proc)"},
    {"TwoAnswersWith200", answered(200, kTwoEventsDone + "{}"), kBroken + kTwoEventsDone + "{}"},
    {"Empty200", answered(200), kBroken},
    {"WhitespaceWith200", answered(200, " \r\n"), kBroken + "   "},
    {"AnArrayWith200", answered(200, "[]"), kBroken + "[]"},
    {"NullWith200", answered(200, "null"), kBroken + "null"},

    // success is 200, never another 2xx
    {"Continue100", answered(100), "retry: HTTP 100"},
    {"Created201", answered(201, kTwoEventsDone), "retry: HTTP 201: " + kTwoEventsDone},
    {"Accepted202", answered(202, kTwoEventsDone), "retry: HTTP 202: " + kTwoEventsDone},
    {"NoContent204", answered(204), "retry: HTTP 204"},
    {"MultiStatus207", answered(207, kTwoEventsDone), "retry: HTTP 207: " + kTwoEventsDone},

    // 3xx
    {"MultipleChoices300", answered(300), "retry: HTTP 300" + kRedirect},
    {"MovedPermanently301", answered(301), "retry: HTTP 301" + kRedirect},
    {"Found302", html(302, kPortal), "retry: HTTP 302" + kRedirect},
    {"SeeOther303", answered(303), "retry: HTTP 303" + kRedirect},
    {"NotModified304", answered(304), "retry: HTTP 304" + kRedirect},
    {"TemporaryRedirect307", answered(307), "retry: HTTP 307" + kRedirect},
    {"PermanentRedirect308", answered(308), "retry: HTTP 308" + kRedirect},
    {"Unassigned399", answered(399), "retry: HTTP 399" + kRedirect},

    // 401, 403
    {"Unauthorized401", answered(401, R"({"detail":"Invalid API key"})"),
     "unauthorized: HTTP 401" + kWrongKey + ": Invalid API key"},
    {"Unauthorized401Empty", answered(401), "unauthorized: HTTP 401" + kWrongKey},
    {"Forbidden403", answered(403, R"({"detail":"No"})"),
     "unauthorized: HTTP 403" + kWrongKey + ": No"},
    {"Forbidden403Page", html(403, kPortal), "unauthorized: HTTP 403" + kWrongKey + ": " + kPortal},

    // 404, 405
    {"NotFound404", answered(404, R"({"detail":"Not Found"})"),
     "misconfigured: HTTP 404" + kWrongAddress + ": Not Found"},
    {"NotFound404Page", html(404, kPortal),
     "misconfigured: HTTP 404" + kWrongAddress + ": " + kPortal},
    {"MethodNotAllowed405", answered(405), "misconfigured: HTTP 405" + kWrongAddress},

    // 408, 425, 5xx
    {"RequestTimeout408", answered(408), "retry: HTTP 408"},
    {"TooEarly425", answered(425), "retry: HTTP 425"},
    {"ServerError500", answered(500, R"({"detail":"Internal server error"})"),
     "retry: HTTP 500: Internal server error"},
    {"NotImplemented501", answered(501), "retry: HTTP 501"},
    {"BadGateway502", html(502, "<h1>502</h1>"), "retry, outcome unknown: HTTP 502: <h1>502</h1>"},
    {"Unavailable503", answered(503), "retry: HTTP 503"},
    {"GatewayTimeout504", answered(504), "retry, outcome unknown: HTTP 504"},
    {"VersionNotSupported505", answered(505), "retry: HTTP 505"},
    {"InsufficientStorage507", answered(507), "retry: HTTP 507"},
    {"NetworkAuthentication511", html(511, kPortal), "retry: HTTP 511: " + kPortal},
    {"WebServerIsDown521", answered(521), "retry: HTTP 521"},

    // 429
    {"TooManyRequests429", answered(429, R"({"detail":"slow down"})"),
     "throttled 1000 ms: HTTP 429, too many requests: slow down"},
    {"TooManyRequests429OfAProxy", html(429, "<h1>429</h1>"),
     "throttled 1000 ms: HTTP 429, too many requests: <h1>429</h1>"},

    // 413
    {"TooLarge413", answered(413, R"({"detail":"too large"})"), "split: HTTP 413: too large"},
    {"TooLarge413OfAProxy", html(413, "<h1>413</h1>"), "split: HTTP 413: <h1>413</h1>"},
    {"TooLarge413Empty", answered(413), "split: HTTP 413"},

    // 400, 422
    {"BadRequest400", answered(400, R"({"detail":"no"})"), "split: HTTP 400: no"},
    {"BadRequest400OfAProxy", html(400, "<h1>Bad Request</h1>"),
     "retry: HTTP 400" + kNotTheApi + "<h1>Bad Request</h1>"},
    {"BadRequest400Empty", answered(400), "retry: HTTP 400" + kNotTheApi},
    {"Unprocessable422",
     answered(422, R"({"detail": [{"loc": ["body", "objects", 0], "msg": "bad", "type": "x"}]})"),
     R"(split: HTTP 422: [{"loc":["body","objects",0],"msg":"bad","type":"x"}])"},
    {"Unprocessable422OfAProxy", answered(422, "blocked"),
     "retry: HTTP 422" + kNotTheApi + "blocked"},
    {"Unprocessable422WithoutDetail", answered(422, "{}"), "retry: HTTP 422" + kNotTheApi + "{}"},
    {"Unprocessable422Truncated", answered(422, R"({"detail":"n)"),
     "retry: HTTP 422" + kNotTheApi + R"({"detail":"n)"},

    // what no row names is kept and tried again
    {"PaymentRequired402", answered(402, R"({"detail":"pay"})"), "retry: HTTP 402: pay"},
    {"ProxyAuthentication407", html(407, kPortal),
     "retry: HTTP 407, the proxy wants credentials: check api.proxy: " + kPortal},
    {"Conflict409", answered(409, R"({"detail":"busy"})"), "retry: HTTP 409: busy"},
    {"Gone410", answered(410), "retry: HTTP 410"},
    {"Legal451", answered(451), "retry: HTTP 451"},
    {"Status999OfNoStandard", answered(999), "retry: HTTP 999"},
};
INSTANTIATE_TEST_SUITE_P(Answers, JudgeTable, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

TEST(Judge, AnAnswerInTheApisShapeSettlesEveryItem) {
  EXPECT_EQ(text(judge(Kind::kUpsert, 2, kTwoUpserts, answered(200, kTwoObjectsDone), kNow)),
            "settle + +");
  EXPECT_EQ(text(judge(Kind::kEvent, 2, kTwoEvents, answered(200, kTwoEventsDone), kNow)),
            "settle + +");
}

TEST(Judge, WhatFailedInPartIsSettledItemByItem) {
  EXPECT_EQ(text(judge(Kind::kEvent, 2, kTwoEvents,
                       answered(200, R"({"success":false,"processed":1,"failed":1,)"
                                     R"("event_ids":["u1"],"errors":["index 1: no"]})"),
                       kNow)),
            "settle + -\n1: index 1: no");
}

TEST(Judge, ARefusalHasTheApisWordsWithoutOurs) {
  const auto words = [](int status, const std::string& body) {
    return judge(Kind::kEvent, 2, kTwoEvents, answered(status, body), kNow).words;
  };
  EXPECT_EQ(words(400, R"({"detail":"no"})"), "no");
  EXPECT_EQ(words(413, R"({"detail":"too large"})"), "too large");
  EXPECT_EQ(words(422, R"({"detail": [{"msg": "bad"}]})"), R"([{"msg":"bad"}])");
  EXPECT_EQ(words(500, R"({"detail":"no"})"), "");
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

/// An answer that asks for a wait in the forms that retry_after_test.cpp knows.
std::string asked(int status, const std::string& retry_after, const std::string& reset = "") {
  Answer answer = answered(status, R"({"detail":"slow down"})");
  answer.retry_after = retry_after;
  answer.rate_limit_reset = reset;
  return verdicts(answer);
}

TEST(JudgeWait, TooManyRequestsWaitAsLongAsTheAnswerAsksAndASecondAtLeast) {
  const std::string reason = ": HTTP 429, too many requests: slow down";
  EXPECT_EQ(asked(429, ""), "throttled 1000 ms" + reason);
  EXPECT_EQ(asked(429, "0"), "throttled 1000 ms" + reason);
  EXPECT_EQ(asked(429, "30"), "throttled 30000 ms" + reason);
  EXPECT_EQ(asked(429, "", std::to_string(kNow + 45)), "throttled 45000 ms" + reason);
  EXPECT_EQ(asked(429, "1000000000000000000"), "throttled 3600000 ms" + reason);
}

TEST(JudgeWait, AnUnavailableApiSaysForHowLongItWillBe) {
  EXPECT_EQ(asked(503, ""), "retry: HTTP 503: slow down");
  EXPECT_EQ(asked(503, "soon"), "retry: HTTP 503: slow down");
  EXPECT_EQ(asked(503, "30"), "retry after 30000 ms: HTTP 503: slow down");
  EXPECT_EQ(asked(503, "-1"), "retry after 1000 ms: HTTP 503: slow down");
  EXPECT_EQ(asked(503, "Fri, 31 Dec 9999 23:59:59 GMT"),
            "retry after 3600000 ms: HTTP 503: slow down");
}

TEST(JudgeWait, NoOtherAnswerIsAskedForItsWait) {
  for (const int status : {301, 400, 401, 404, 408, 413, 425, 500, 502, 504}) {
    EXPECT_EQ(asked(status, "30"), asked(status, "")) << status;
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
