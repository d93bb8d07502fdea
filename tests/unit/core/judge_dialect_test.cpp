// A 200 in whatever dialect it comes, and the 200 that is not to be believed.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/judge.h"
#include "tests/unit/core/verdict_text.h"

namespace flowmyna::test {
namespace {

const std::string kTwoUpserts = R"({"objects":[{"type":"T","id":"1"},{"type":"T","id":"2"}]})";
const std::string kTwoEvents = R"({"events":[{"event":"A","objects":[{"type":"T","id":"1"}]},)"
                               R"({"event":"B","objects":[{"type":"T","id":"2"}]}]})";

/// The verdict on an answer to two of them, which is the same whether it is known what they touch.
std::string judged(Kind kind, const std::string& body) {
  const Answer answer = answered(200, body);
  if (kind == Kind::kEvent) return text(judge({kind, 2, kTwoEvents}, answer, 0));
  const std::vector<Touch> touches = {{hash_object({"T", "1"}), true},
                                      {hash_object({"T", "2"}), true}};
  const std::string verdict = text(judge({kind, 2, kTwoUpserts}, answer, 0));
  EXPECT_EQ(text(judge({kind, 2, kTwoUpserts, touches}, answer, 0)), verdict) << body;
  return verdict;
}

/// Two items done, and what else the answer says.
std::string done(const std::string& rest = "") {
  return R"({"success":true,"processed":2,"failed":0)" + rest + "}";
}

/// The verdict on that, of both kinds.
std::string of_done(const std::string& rest) {
  const std::string upserts = judged(Kind::kUpsert, done(rest));
  const std::string events = judged(Kind::kEvent, done(rest));
  return upserts == events ? upserts : upserts + " | " + events;
}

std::string object(const std::string& id, const std::string& rest = "") {
  return R"({"object_type":"T","external_id":")" + id + "\"" + rest + "}";
}

const std::string kContradicts = "retry, outcome unknown: HTTP 200 that contradicts itself: it ";
const std::string kWrongShape = "retry, outcome unknown: HTTP 200 without the API's shape: ";

TEST(JudgeDialect, TheVendorsOwnExampleIsDelivered) {
  EXPECT_EQ(
      judged(Kind::kUpsert,
             done(R"(,"objects":[)" + object("1", R"(,"object_id":"u1","created":true)") + "," +
                  object("2", R"(,"object_id":"u2","created":false)") + R"(],"errors":[])")),
      "settle + +");
  EXPECT_EQ(judged(Kind::kEvent, done(R"(,"event_ids":["u1","u2"],"errors":[])")), "settle + +");
}

TEST(JudgeDialect, ErrorsMayBeNullAbsentOrEmpty) {
  for (const char* errors :
       {"", R"(,"errors":null)", R"(,"errors":[])", R"(,"errors":{})", R"(,"errors":"")"}) {
    EXPECT_EQ(of_done(errors), "settle + +") << errors;
  }
}

TEST(JudgeDialect, TheListOfWhatSucceededMayBeNullAbsentOrNoList) {
  for (const char* lists :
       {R"(,"objects":null,"event_ids":null)", R"(,"objects":{"1":"u1"},"event_ids":{"1":"u1"})",
        R"(,"objects":2,"event_ids":"u1 u2")"}) {
    EXPECT_EQ(of_done(lists), "settle + +") << lists;
  }
}

TEST(JudgeDialect, TheListMayBeInAnotherOrder) {
  EXPECT_EQ(judged(Kind::kUpsert, done(R"(,"objects":[)" + object("2") + "," + object("1") + "]")),
            "settle + +");
}

TEST(JudgeDialect, WhatIsListedIsKnownByWhatTheRequestTouchesHoweverItsNameIsWritten) {
  // Nothing but the touches tells what was sent.
  const std::string unread = "{}";
  const std::vector<Touch> touches = {{hash_object({"T", R"(a\"\n)"}), true},
                                      {hash_object({"Größe", "2"}), true}};
  const std::string listed = R"(,"objects":[{"object_type":"Gr\u00f6\u00dfe","external_id":"2"},)"
                             R"({"object_type":"\u0054","external_id":"a\u0022\n"}])";
  EXPECT_EQ(text(judge({Kind::kUpsert, 2, unread, touches}, answered(200, done(listed)), 0)),
            "settle + +");
}

TEST(JudgeDialect, TheListOfTheOtherKindMayStandThereEmptyOrBesideItsOwn) {
  EXPECT_EQ(
      of_done(R"(,"objects":[)" + object("1") + "," + object("2") + R"(],"event_ids":["u1","u2"])"),
      "settle + +");
  EXPECT_EQ(judged(Kind::kUpsert, done(R"(,"event_ids":[])")), "settle + +");
  EXPECT_EQ(judged(Kind::kEvent, done(R"(,"objects":[])")), "settle + +");
}

TEST(JudgeDialect, FurtherFieldsMayHoldAnything) {
  EXPECT_EQ(of_done(R"(,"message":"ok","took_ms":1.5,"a":{"b":[null,{"success":false}]})"),
            "settle + +");
}

TEST(JudgeDialect, NumbersThatNoTypeHoldsDoNoHarm) {
  EXPECT_EQ(of_done(R"(,"a":12345678901234567890123,"b":[-1e400,"\"12345678901234567890"])"),
            "settle + +");
}

TEST(JudgeDialect, AByteOrderMarkAndBlanksMeanNothing) {
  EXPECT_EQ(judged(Kind::kEvent, "\xef\xbb\xbf\r\n\t " + done() + "\n"), "settle + +");
  EXPECT_EQ(judged(Kind::kEvent, "{\n  \"failed\" : 0,\n  \"processed\" : 2, \"success\":true }"),
            "settle + +");
}

TEST(JudgeDialect, TheMediaTypeMeansNothing) {
  for (const char* type : {"", "text/plain", "text/html", "application/vnd.api+json", "\xff"}) {
    Answer answer = answered(200, done());
    answer.content_type = type;
    EXPECT_EQ(text(judge({Kind::kEvent, 2, kTwoEvents}, answer, 0)), "settle + +") << type;
  }
}

TEST(JudgeDialect, IdsOfEventsMayBeOfAnyForm) {
  EXPECT_EQ(judged(Kind::kEvent, done(R"(,"event_ids":[1,{"event_id":"u2"}])")), "settle + +");
}

TEST(JudgeContradiction, CountsOtherThanTheItemsSettleNothing) {
  const std::vector<std::pair<std::string, std::string>> counts = {
      {R"({"success":true,"processed":1,"failed":0})", "1 done and 0 failed of 2"},
      {R"({"success":true,"processed":3,"failed":0})", "3 done and 0 failed of 2"},
      {R"({"success":true,"processed":2,"failed":1})", "2 done and 1 failed of 2"},
      {R"({"success":true,"processed":0,"failed":0})", "0 done and 0 failed of 2"},
      {R"({"success":true,"processed":18446744073709551615,"failed":3})",
       "18446744073709551615 done and 3 failed of 2"},
  };
  for (const auto& [body, what] : counts) {
    EXPECT_EQ(judged(Kind::kEvent, body), kContradicts + "counts " + what + ": " + body);
  }
}

TEST(JudgeContradiction, CountsThatAreNoIntegersAreNotBelieved) {
  for (const char* count : {"2.0", "2e0", "-2", "18446744073709551616", "\"2\"", "null", "true",
                            "[2]", "200000000000000000000000"}) {
    const std::string body = R"({"success":true,"processed":)" + std::string(count) +
                             R"(,"failed":0,"event_ids":["u1","u2"]})";
    const std::string other =
        R"({"success":true,"failed":)" + std::string(count) + R"(,"processed":0})";
    EXPECT_EQ(judged(Kind::kEvent, body), kWrongShape + body);
    EXPECT_EQ(judged(Kind::kEvent, other), kWrongShape + other);
  }
}

TEST(JudgeContradiction, WithoutSuccessOrCountsItIsNotTheApisShape) {
  for (const std::string& body :
       {std::string(R"({"processed":2,"failed":0})"), std::string(R"({"success":true,"failed":0})"),
        std::string(R"({"success":true,"processed":2})"),
        std::string(R"({"success":"true","processed":2,"failed":0})"),
        std::string(R"({"success":1,"processed":2,"failed":0})")}) {
    EXPECT_EQ(judged(Kind::kEvent, body), kWrongShape + body);
  }
}

TEST(JudgeContradiction, WhatStandsThereTwiceIsNotBelieved) {
  for (const char* again : {R"(,"success":true)", R"(,"processed":2)", R"(,"failed":0)",
                            R"(,"errors":[],"errors":[])", R"(,"event_ids":null,"event_ids":[])"}) {
    EXPECT_EQ(judged(Kind::kEvent, done(again)), kWrongShape + done(again));
  }
}

TEST(JudgeContradiction, NoSuccessWithoutAFailureSettlesNothing) {
  const std::string body = R"({"success":false,"processed":2,"failed":0})";
  EXPECT_EQ(judged(Kind::kEvent, body),
            kContradicts + "counts no failures, but says success: false: " + body);
}

TEST(JudgeContradiction, ErrorsWithoutAFailureSettleNothing) {
  for (const char* errors : {R"(,"errors":["no"])", R"(,"errors":[null])", R"(,"errors":"no")",
                             R"(,"errors":{"0":"no"})"}) {
    EXPECT_EQ(of_done(errors),
              kContradicts + "counts no failures, but has errors: " + done(errors));
  }
}

TEST(JudgeContradiction, AListOfAnotherLengthThanItsCountSettlesNothing) {
  const std::string why = "lists a different number of items than it counts: ";
  for (const char* ids : {"[]", R"(["u1"])", R"(["u1","u2","u3"])"}) {
    const std::string body = done(R"(,"event_ids":)" + std::string(ids));
    EXPECT_EQ(judged(Kind::kEvent, body), kContradicts + why + body);
  }
  const std::string one = done(R"(,"objects":[)" + object("1") + "]");
  EXPECT_EQ(judged(Kind::kUpsert, one), kContradicts + why + one);
  const std::string partial =
      R"({"success":false,"processed":1,"failed":1,"event_ids":["u1","u2"],"errors":["no"]})";
  EXPECT_EQ(judged(Kind::kEvent, partial), kContradicts + why + partial);
}

TEST(JudgeContradiction, ObjectsThatWereNotSentSettleNothing) {
  for (const auto& other : {object("3"), object(""), object("01"),
                            std::string(R"({"object_type":"U","external_id":"2"})")}) {
    const std::string body = done(R"(,"objects":[)" + object("1") + "," + other + "]");
    EXPECT_EQ(judged(Kind::kUpsert, body), kContradicts + "lists what was not sent: " + body);
  }
}

TEST(JudgeContradiction, AnObjectThatIsListedTwiceSettlesNothing) {
  const std::string body = done(R"(,"objects":[)" + object("1") + "," + object("1") + "]");
  EXPECT_EQ(judged(Kind::kUpsert, body), kContradicts + "lists an object twice: " + body);
}

TEST(JudgeContradiction, AnObjectWithoutANameSettlesNothing) {
  for (const char* other :
       {"null", "{}", "7", R"({"object_id":"u2"})", R"({"object_type":"T","external_id":2})"}) {
    const std::string body = done(R"(,"objects":[)" + object("1") + "," + other + "]");
    EXPECT_EQ(judged(Kind::kUpsert, body),
              kContradicts + "lists an object without a name: " + body);
  }
}

TEST(JudgeContradiction, EventsWithoutAnIdOrWithTheSameSettleNothing) {
  for (const char* id : {"null", "\"\""}) {
    const std::string body = done(R"(,"event_ids":["u1",)" + std::string(id) + "]");
    EXPECT_EQ(judged(Kind::kEvent, body), kContradicts + "lists an event without an id: " + body);
  }
  const std::string twice = done(R"(,"event_ids":["u1","u1"])");
  EXPECT_EQ(judged(Kind::kEvent, twice), kContradicts + "lists an id twice: " + twice);
}

TEST(JudgeContradiction, TheAnswerToARequestOfTheOtherKindSettlesNothing) {
  const std::string events = done(R"(,"event_ids":["u1","u2"])");
  EXPECT_EQ(judged(Kind::kUpsert, events), kContradicts + "lists what was not sent: " + events);
  const std::string objects = done(R"(,"objects":[)" + object("1") + "," + object("2") + "]");
  EXPECT_EQ(judged(Kind::kEvent, objects), kContradicts + "lists what was not sent: " + objects);
}

TEST(JudgeContradiction, HugeAndDeepAnswersSettleNothingAndTakeNoTime) {
  const auto times = [](std::size_t count, const std::string& what) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += what;
    return out;
  };
  constexpr std::size_t kMany = 200'000;
  for (const std::string& body :
       {times(kMany, "["), times(kMany, R"({"a":)"),
        done(R"(,"a":)" + times(kMany, "[") + times(kMany, "]")),
        done(R"(,"errors":[)" + times(kMany, R"("index 0: no",)") + "\"\"]"),
        done(R"(,"event_ids":[)" + times(kMany, "1,") + "1]"),
        done(times(kMany, R"(,"processed":2)"))}) {
    EXPECT_TRUE(judged(Kind::kEvent, body).starts_with("retry, outcome unknown: HTTP 200"));
  }
}

}  // namespace
}  // namespace flowmyna::test
