// Every row of the failure table that an answer can be, and what it asks for.

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

const std::string kTwoEventsDone =
    R"({"success":true,"processed":2,"failed":0,"event_ids":["u1","u2"],"errors":[]})";
const std::string kByteOrderMark = "\xef\xbb\xbf";
const std::string kPortal = "<!DOCTYPE html><html><body>Please log in</body></html>";

/// The verdict on two items of each kind; one text where both are judged alike.
std::string verdicts(const Answer& answer) {
  const std::string upserts = text(judge({Kind::kUpsert, 2, kTwoUpserts}, answer, kNow));
  const std::string events = text(judge({Kind::kEvent, 2, kTwoEvents}, answer, kNow));
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

/// Nothing can leave until a person mends it.
Answer blocked(Answer::Obstacle obstacle, const std::string& error) {
  Answer answer = unanswered(Answer::Delivery::kNotSent, error);
  answer.obstacle = obstacle;
  return answer;
}

Answer html(int status, const std::string& body) {
  Answer answer = answered(status, body);
  answer.content_type = "text/html; charset=utf-8";
  return answer;
}

const std::string kStranger = " that is not the API's (a captive portal or proxy?)";
const std::string kNotTheApi = kStranger + ": ";
const std::string kWrongShape = "retry, outcome unknown: HTTP 200 without the API's shape: ";

/// What may be left of the API's own answer.
const std::string kBroken = "retry, outcome unknown: HTTP 200" + kStranger;

const std::string kRedirect = ", a redirect, which is never followed: check api.url";
const std::string kWrongKey = ", the API key is not accepted";
const std::string kWrongAddress = ", no such endpoint: check api.url";

/// In the order of the failure table.
const std::vector<Row> kRows = {
    // no route, DNS, refused, TLS error, time-out
    {"NoRoute", unanswered(Answer::Delivery::kNotSent, "no route to host"),
     "release, of the path: no route to host"},
    {"NoName", unanswered(Answer::Delivery::kNotSent, "cannot resolve api.flowmyna.com"),
     "release, of the path: cannot resolve api.flowmyna.com"},
    {"AnswerTimeout", unanswered(Answer::Delivery::kLost, "timed out waiting for an answer"),
     "retry, outcome unknown, of the path: timed out waiting for an answer"},
    {"Reset", unanswered(Answer::Delivery::kLost, "connection reset"),
     "retry, outcome unknown, of the path: connection reset"},
    {"NoKey", blocked(Answer::Obstacle::kNoKey, "no key in /etc/key"),
     "no key, of the path: no key in /etc/key"},
    {"NoAuthorities", blocked(Answer::Obstacle::kMisconfigured, "api.ca_file: no such file"),
     "misconfigured, of the path: api.ca_file: no such file"},

    // 200 that is not the API's shape, truncated, empty
    {"PageWith200", html(200, kPortal), "retry, of the path: HTTP 200" + kNotTheApi + kPortal},
    {"PageWith200AndNoContentType", answered(200, "\r\n " + kPortal),
     "retry, of the path: HTTP 200" + kNotTheApi + "   " + kPortal},
    {"PageWith200AndAByteOrderMark", answered(200, kByteOrderMark + " " + kPortal),
     "retry, of the path: HTTP 200" + kNotTheApi + " " + kPortal},
    {"JsonOfSomeoneElseWith200", answered(200, R"({"login":"/portal"})"),
     kWrongShape + R"({"login":"/portal"})"},
    {"TheHealthAnswerWith200", answered(200, R"({"status":"healthy"})"),
     kWrongShape + R"({"status":"healthy"})"},
    {"AnErrorBodyWith200", answered(200, R"({"detail":"no"})"), kWrongShape + "no"},
    {"Garbage200", answered(200, "\x01\xff\xfe garbage"), kBroken + ":  "},
    {"TextWith200", answered(200, "OK"), kBroken + ": OK"},
    {"Truncated200", answered(200, R"({"success":true,"proc)"),
     kBroken + R"(: {"success":true,"proc)"},
    {"TwoAnswersWith200", answered(200, kTwoEventsDone + "{}"),
     kBroken + ": " + kTwoEventsDone + "{}"},
    {"Empty200", answered(200), kBroken},
    {"ByteOrderMarkWith200", answered(200, kByteOrderMark), kBroken},
    {"WhitespaceWith200", answered(200, " \r\n"), kBroken + ":    "},
    {"AnArrayWith200", answered(200, "[]"), kBroken + ": []"},
    {"NullWith200", answered(200, "null"), kBroken + ": null"},

    // success is 200, never another 2xx
    {"Continue100", answered(100), "retry, outcome unknown: HTTP 100"},
    {"Created201", answered(201, kTwoEventsDone),
     "retry, outcome unknown: HTTP 201: " + kTwoEventsDone},
    {"Accepted202", answered(202, kTwoEventsDone),
     "retry, outcome unknown: HTTP 202: " + kTwoEventsDone},
    {"PageWith203", html(203, kPortal),
     "retry, outcome unknown, of the path: HTTP 203" + kNotTheApi + kPortal},
    {"NoContent204", answered(204), "retry, outcome unknown: HTTP 204"},
    {"MultiStatus207", answered(207, kTwoEventsDone),
     "retry, outcome unknown: HTTP 207: " + kTwoEventsDone},

    // 3xx
    {"MultipleChoices300", answered(300), "retry, of the path: HTTP 300" + kRedirect},
    {"MovedPermanently301", answered(301, R"({"detail":"moved"})"),
     "retry, of the path: HTTP 301" + kRedirect},
    {"Found302", html(302, kPortal), "retry, of the path: HTTP 302" + kRedirect},
    {"NotModified304", answered(304), "retry, of the path: HTTP 304" + kRedirect},
    {"PermanentRedirect308", answered(308), "retry, of the path: HTTP 308" + kRedirect},
    {"Unassigned399", answered(399), "retry, of the path: HTTP 399" + kRedirect},

    // 401, 403
    {"Unauthorized401", answered(401, R"({"detail":"Invalid API key"})"),
     "unauthorized: HTTP 401" + kWrongKey + ": Invalid API key"},
    {"Unauthorized401Empty", answered(401),
     "retry, outcome unknown, of the path: HTTP 401" + kStranger},
    {"Forbidden403", answered(403, R"({"detail":"No"})"),
     "unauthorized: HTTP 403" + kWrongKey + ": No"},
    {"Forbidden403Page", html(403, kPortal),
     "retry, outcome unknown, of the path: HTTP 403" + kNotTheApi + kPortal},
    {"Forbidden403OfAFirewall", answered(403, R"({"error":"blocked"})"),
     "retry, outcome unknown, of the path: HTTP 403" + kNotTheApi + R"({"error":"blocked"})"},

    // 404, 405
    {"NotFound404", answered(404, R"({"detail":"Not Found"})"),
     "misconfigured: HTTP 404" + kWrongAddress + ": Not Found"},
    {"NotFound404Empty", answered(404), "misconfigured, outcome unknown: HTTP 404" + kWrongAddress},
    {"NotFound404Page", html(404, kPortal),
     "misconfigured, outcome unknown, of the path: HTTP 404" + kWrongAddress + ": " + kPortal},
    {"MethodNotAllowed405", answered(405, R"({"detail":"Method Not Allowed"})"),
     "misconfigured: HTTP 405" + kWrongAddress + ": Method Not Allowed"},
    {"MethodNotAllowed405Empty", answered(405),
     "misconfigured, outcome unknown: HTTP 405" + kWrongAddress},

    // 408, 425, 499: a gateway gave up, on whichever side
    {"RequestTimeout408", answered(408), "retry, outcome unknown: HTTP 408"},
    {"RequestTimeout408Page", html(408, "<h1>408</h1>"),
     "retry, outcome unknown: HTTP 408: <h1>408</h1>"},
    {"RequestTimeout408WithDetail", answered(408, R"({"detail":"slow"})"),
     "retry, outcome unknown: HTTP 408: slow"},
    {"TooEarly425", answered(425), "retry, outcome unknown: HTTP 425"},
    {"ClientClosed499", answered(499), "retry, outcome unknown: HTTP 499"},

    // 5xx
    {"ServerError500", answered(500, R"({"detail":"Internal server error"})"),
     "retry, outcome unknown: HTTP 500: Internal server error"},
    {"ServerError500Empty", answered(500), "retry, outcome unknown: HTTP 500"},
    {"NotImplemented501", answered(501), "retry, outcome unknown: HTTP 501"},
    {"BadGateway502", html(502, "<h1>502</h1>"), "retry, outcome unknown: HTTP 502: <h1>502</h1>"},
    {"Unavailable503", answered(503), "retry, outcome unknown: HTTP 503"},
    {"GatewayTimeout504", answered(504), "retry, outcome unknown: HTTP 504"},
    {"InsufficientStorage507", answered(507), "retry, outcome unknown: HTTP 507"},
    {"NetworkAuthentication511", html(511, kPortal),
     "retry, of the path: HTTP 511" + kNotTheApi + kPortal},
    {"UnknownError520", answered(520), "retry, outcome unknown: HTTP 520"},
    {"WebServerIsDown521", html(521, "<h1>521</h1>"),
     "retry, outcome unknown: HTTP 521: <h1>521</h1>"},
    {"InvalidCertificate526", answered(526), "retry, outcome unknown: HTTP 526"},
    {"NetworkReadTimeout598", answered(598), "retry, outcome unknown: HTTP 598"},

    // 429
    {"TooManyRequests429", answered(429, R"({"detail":"slow down"})"),
     "throttled 1000 ms: HTTP 429, too many requests: slow down"},
    {"TooManyRequests429OfAProxy", html(429, "<h1>429</h1>"),
     "throttled 1000 ms: HTTP 429, too many requests: <h1>429</h1>"},

    // 413
    {"TooLarge413", answered(413, R"({"detail":"too large"})"), "too large: HTTP 413: too large"},
    {"TooLarge413OfAProxy", html(413, "<h1>413</h1>"), "too large: HTTP 413: <h1>413</h1>"},
    {"TooLarge413Empty", answered(413), "too large: HTTP 413"},

    // 400, 422
    {"BadRequest400", answered(400, R"({"detail":"no"})"), "split: HTTP 400: no"},
    {"BadRequest400WithAByteOrderMark", answered(400, kByteOrderMark + R"({"detail":"no"})"),
     "split: HTTP 400: no"},
    {"BadRequest400OfAProxy", html(400, "<h1>Bad Request</h1>"),
     "retry, outcome unknown, of the path: HTTP 400" + kNotTheApi + "<h1>Bad Request</h1>"},
    {"BadRequest400Empty", answered(400),
     "retry, outcome unknown, of the path: HTTP 400" + kStranger},
    {"Unprocessable422",
     answered(422, R"({"detail": [{"loc": ["body", "objects", 0], "msg": "bad", "type": "x"}]})"),
     R"(split: HTTP 422: [{"loc":["body","objects",0],"msg":"bad","type":"x"}])"},
    {"Unprocessable422QuotingAHugeNumber",
     answered(422,
              R"({"detail":[{"msg":"bad","input":[12345678901234567890123,1e400,-1,"1e4"]}]})"),
     R"(split: HTTP 422: [{"msg":"bad","input":["12345678901234567890123","1e400",-1,"1e4"]}])"},
    {"Unprocessable422OfAProxy", answered(422, "blocked"),
     "retry, outcome unknown, of the path: HTTP 422" + kNotTheApi + "blocked"},
    {"Unprocessable422WithoutDetail", answered(422, "{}"),
     "retry, outcome unknown, of the path: HTTP 422" + kNotTheApi + "{}"},
    {"Unprocessable422WithAnEmptyDetail", answered(422, R"({"detail":[]})"),
     "retry, outcome unknown, of the path: HTTP 422" + kNotTheApi + R"({"detail":[]})"},
    {"Unprocessable422WithDetailNull", answered(422, R"({"detail":null})"),
     "retry, outcome unknown, of the path: HTTP 422" + kNotTheApi + R"({"detail":null})"},
    {"Unprocessable422Truncated", answered(422, R"({"detail":"n)"),
     "retry, outcome unknown, of the path: HTTP 422" + kNotTheApi + R"({"detail":"n)"},

    // what no row names is kept and tried again
    {"PaymentRequired402", answered(402, R"({"detail":"pay"})"), "retry: HTTP 402: pay"},
    {"PaymentRequired402Empty", answered(402),
     "retry, outcome unknown, of the path: HTTP 402" + kStranger},
    {"NotAcceptable406", answered(406, R"({"detail":"no"})"), "retry: HTTP 406: no"},
    {"ProxyAuthentication407", html(407, kPortal),
     "retry, of the path: HTTP 407, the proxy wants credentials: check api.proxy: " + kPortal},
    {"Conflict409", answered(409, R"({"detail":"busy"})"), "retry: HTTP 409: busy"},
    {"Gone410", answered(410, R"({"detail":"gone"})"), "retry: HTTP 410: gone"},
    {"Gone410Empty", answered(410), "retry, outcome unknown, of the path: HTTP 410" + kStranger},
    {"UnsupportedMediaType415", answered(415, R"({"detail":"no"})"), "retry: HTTP 415: no"},
    {"Legal451", html(451, kPortal),
     "retry, outcome unknown, of the path: HTTP 451" + kNotTheApi + kPortal},
    {"Status999OfNoStandard", answered(999), "retry, outcome unknown: HTTP 999"},
};
INSTANTIATE_TEST_SUITE_P(Answers, JudgeTable, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

TEST(Judge, WhatFailedInPartIsSettledItemByItem) {
  EXPECT_EQ(text(judge({Kind::kEvent, 2, kTwoEvents},
                       answered(200, R"({"success":false,"processed":1,"failed":1,)"
                                     R"("event_ids":["u1"],"errors":["index 1: no"]})"),
                       kNow, IndexBase::kZero)),
            "settle + -\n1: index 1: no");
}

TEST(Judge, ARefusalHasTheApisWordsWithoutOurs) {
  const auto words = [](int status, const std::string& body) {
    return judge({Kind::kEvent, 2, kTwoEvents}, answered(status, body), kNow).words;
  };
  EXPECT_EQ(words(400, R"({"detail":"no"})"), "no");
  EXPECT_EQ(words(413, R"({"detail":"too large"})"), "too large");
  EXPECT_EQ(words(413, "<h1>413</h1>"), "<h1>413</h1>");
  EXPECT_EQ(words(422, R"({"detail": [{"msg": "bad"}]})"), R"([{"msg":"bad"}])");
  EXPECT_EQ(words(422, R"({"message":"bad"})"), "");
  EXPECT_EQ(words(500, R"({"detail":"no"})"), "");
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
  const auto after = [](const std::string& wait) {
    return "retry" + wait + ", outcome unknown: HTTP 503: slow down";
  };
  EXPECT_EQ(asked(503, ""), after(""));
  EXPECT_EQ(asked(503, "soon"), after(""));
  EXPECT_EQ(asked(503, "30"), after(" after 30000 ms"));
  EXPECT_EQ(asked(503, "", std::to_string(kNow + 45)), after(" after 45000 ms"));
  EXPECT_EQ(asked(503, "-1"), after(" after 1000 ms"));
  EXPECT_EQ(asked(503, "Fri, 31 Dec 9999 23:59:59 GMT"), after(" after 3600000 ms"));
}

TEST(JudgeWait, AnyServerErrorMayAskForAWaitByRetryAfterAlone) {
  for (const int status : {500, 502, 504, 529}) {
    const std::string reason = ", outcome unknown: HTTP " + std::to_string(status) + ": slow down";
    EXPECT_EQ(asked(status, "30"), "retry after 30000 ms" + reason);
    EXPECT_EQ(asked(status, " ", std::to_string(kNow + 45)), "retry" + reason);
  }
}

TEST(JudgeWait, NoOtherAnswerIsAskedForItsWait) {
  for (const int status : {201, 301, 400, 401, 404, 408, 413, 425}) {
    EXPECT_EQ(asked(status, "30"), asked(status, "")) << status;
  }
}

TEST(JudgeWait, APointInTimeIsReadByTheServersClock) {
  Answer answer = answered(429);
  answer.rate_limit_reset = std::to_string(kNow + 20);
  answer.date = "Tue, 14 Nov 2023 22:13:20 GMT";
  constexpr std::int64_t kYear = 365 * 86'400;
  for (const std::int64_t now : {kNow - kYear, kNow + kYear}) {
    EXPECT_EQ(text(judge({Kind::kEvent, 2, kTwoEvents}, answer, now)),
              "throttled 20000 ms: HTTP 429, too many requests");
    EXPECT_EQ(text(judge_health(answer, now)), "throttled 20000 ms: HTTP 429, too many requests");
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
      const auto verdict = judge({Kind::kEvent, 2, kTwoEvents}, answered(status, body), kNow);
      EXPECT_TRUE(is_printable(verdict.reason)) << status << " " << verdict.reason;
    }
  }
  const auto lost = unanswered(Answer::Delivery::kLost, hostile);
  EXPECT_EQ(verdicts(lost), "retry, outcome unknown, of the path: a  b c [2Jd e 31mf");
}

TEST(JudgeReason, QuotesTheBeginningOfALongBodyInWholeCharacters) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string body(shift, 'x');
    for (int i = 0; i < 200; ++i) body += "ä€";
    const auto verdict = judge({Kind::kEvent, 2, kTwoEvents}, answered(503, body), kNow);
    EXPECT_LT(verdict.reason.size(), 330U);
    EXPECT_TRUE(verdict.reason.ends_with("…"));
    EXPECT_TRUE(is_printable(verdict.reason));
    EXPECT_EQ(verdict.reason.substr(0, 12 + shift), "HTTP 503: " + std::string(shift, 'x') + "ä");
  }
}

std::string health(const Answer& answer) {
  return text(judge_health(answer, kNow));
}

TEST(JudgeHealth, TheApiIsHealthyInWhateverDialectItSaysSo) {
  for (const std::string& body :
       {std::string(R"({"status":"healthy","workspace_id":"w"})"),
        std::string(R"({"status":"Healthy"})"), std::string(R"({"status":"ok"})"),
        std::string(R"({"status":"OK","load":1e400})"),
        kByteOrderMark + " \r\n" + R"({"status":"HEALTHY"})" + "\n"}) {
    EXPECT_EQ(health(answered(200, body)), "settle") << body;
  }
}

TEST(JudgeHealth, AnythingElseThatAnswersIsNoReasonNotToWrite) {
  EXPECT_EQ(health(answered(200)), "retry: HTTP 200" + kStranger);
  EXPECT_EQ(health(answered(200, "[]")), "retry: HTTP 200" + kNotTheApi + "[]");
  for (const char* body : {R"({"status":"sick"})", R"({"status":["healthy"]})", R"({"ok":true})"}) {
    EXPECT_EQ(health(answered(200, body)), "retry: HTTP 200" + kNotTheApi + body);
  }
  EXPECT_EQ(health(answered(201, R"({"status":"healthy"})")),
            R"(retry: HTTP 201: {"status":"healthy"})");
  EXPECT_EQ(health(answered(404)), "retry: HTTP 404");
  EXPECT_EQ(health(answered(404, R"({"detail":"Not Found"})")), "retry: HTTP 404: Not Found");
  EXPECT_EQ(health(answered(405)), "retry: HTTP 405");
  EXPECT_EQ(health(answered(408)), "retry: HTTP 408");
  EXPECT_EQ(health(answered(413)), "retry: HTTP 413");
  EXPECT_EQ(health(answered(422, R"({"detail":"no"})")), "retry: HTTP 422: no");
  EXPECT_EQ(health(answered(400)), "retry: HTTP 400" + kStranger);
  EXPECT_EQ(health(answered(500)), "retry: HTTP 500");
  EXPECT_EQ(health(html(502, "<h1>502</h1>")), "retry: HTTP 502: <h1>502</h1>");
}

TEST(JudgeHealth, ARefusedKeyIsOneWithOrWithoutWordsButNotByAPage) {
  EXPECT_EQ(health(answered(401)), "unauthorized: HTTP 401" + kWrongKey);
  EXPECT_EQ(health(answered(403, R"({"detail":"No"})")),
            "unauthorized: HTTP 403" + kWrongKey + ": No");
  EXPECT_EQ(health(html(403, kPortal)), "retry, of the path: HTTP 403" + kNotTheApi + kPortal);
}

TEST(JudgeHealth, WhatDoesNotReachTheApiIsOfThePath) {
  EXPECT_EQ(health(html(200, kPortal)), "retry, of the path: HTTP 200" + kNotTheApi + kPortal);
  EXPECT_EQ(health(html(404, kPortal)), "retry, of the path: HTTP 404" + kNotTheApi + kPortal);
  EXPECT_EQ(health(html(302, kPortal)), "retry, of the path: HTTP 302" + kRedirect);
  EXPECT_EQ(health(answered(407)),
            "retry, of the path: HTTP 407, the proxy wants credentials: check api.proxy");
  EXPECT_EQ(health(answered(511)), "retry, of the path: HTTP 511" + kStranger);
  EXPECT_EQ(health(unanswered(Answer::Delivery::kLost, "timed out")),
            "retry, of the path: timed out");
  EXPECT_EQ(health(unanswered(Answer::Delivery::kNotSent, "refused")),
            "release, of the path: refused");
  EXPECT_EQ(health(blocked(Answer::Obstacle::kNoKey, "no key")), "no key, of the path: no key");
  EXPECT_EQ(health(blocked(Answer::Obstacle::kMisconfigured, "api.ca_file")),
            "misconfigured, of the path: api.ca_file");
}

TEST(JudgeHealth, TooManyRequestsAndAnUnavailableApiAskForAWait) {
  Answer answer = answered(429);
  answer.retry_after = "30";
  EXPECT_EQ(health(answer), "throttled 30000 ms: HTTP 429, too many requests");
  answer.status = 503;
  EXPECT_EQ(health(answer), "retry after 30000 ms: HTTP 503");
}

}  // namespace
}  // namespace flowmyna::test
