// From what an API counts when it writes `index N: reason`: what its answers teach.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/judge.h"
#include "tests/unit/core/verdict_text.h"

namespace flowmyna::test {
namespace {

/// What an answer teaches about `items`, of which those in `done` were processed. Upserts have a
/// list of these, events do not say which they are.
std::string taught(Kind kind, std::size_t items, const std::vector<std::size_t>& done,
                   const std::vector<std::string>& errors, IndexBase base = IndexBase::kUnknown) {
  std::string request;
  for (std::size_t i = 0; i < items; ++i) {
    request += (i > 0 ? "," : "") + (R"({"type":"T","id":")" + std::to_string(i)) + "\"}";
  }
  std::string objects;
  for (const std::size_t i : done) {
    objects += (objects.empty() ? "" : ",") +
               (R"({"object_type":"T","external_id":")" + std::to_string(i)) + "\"}";
  }
  std::string texts;
  for (const auto& error : errors) texts += (texts.empty() ? "\"" : ",\"") + error + "\"";
  const std::string list = kind == Kind::kUpsert ? R"(,"objects":[)" + objects + "]" : "";
  const std::string body = R"({"success":false,"processed":)" + std::to_string(done.size()) +
                           R"(,"failed":)" + std::to_string(items - done.size()) + list +
                           R"(,"errors":[)" + texts + "]}";
  const std::string sent = R"({"objects":[)" + request + "]}";
  return text(judge({kind, items, sent}, answered(200, body), 0, base));
}

std::string of_upserts(std::size_t items, const std::vector<std::size_t>& done,
                       const std::vector<std::string>& errors) {
  return taught(Kind::kUpsert, items, done, errors);
}

std::string of_events(std::size_t items, std::size_t done, const std::vector<std::string>& errors,
                      IndexBase base = IndexBase::kUnknown) {
  return taught(Kind::kEvent, items, std::vector<std::size_t>(done), errors, base);
}

const std::string kSeparate = "separate, outcome unknown";
const std::string kWhy = ": partial failure that does not say which events it is about: ";

TEST(JudgePosition, AListOfWhatSucceededTeachesFromWhatTheErrorsCount) {
  EXPECT_EQ(of_upserts(4, {0, 2}, {"index 1: a", "index 3: b"}),
            "settle + - + -, counts from 0\n1: index 1: a\n3: index 3: b");
  EXPECT_EQ(of_upserts(4, {1, 3}, {"index 3: b", "index 1: a"}),
            "settle - + - +, counts from 1\n0: index 1: a\n2: index 3: b");
}

TEST(JudgePosition, ErrorsThatDoNotNameEachFailureTeachNothing) {
  EXPECT_EQ(of_upserts(4, {0, 2}, {"index 1: a"}), "settle + - + -\n1: index 1: a\n3: index 1: a");
  EXPECT_EQ(of_upserts(4, {0, 2}, {"index 1: a", "no"}),
            "settle + - + -\n1: index 1: a; no\n3: index 1: a; no");
}

TEST(JudgePosition, ErrorsThatNameOtherItemsThanTheListAreNeverBelieved) {
  EXPECT_EQ(of_upserts(5, {0, 2, 4}, {"index 1: a", "index 4: b"}),
            "settle + - + - +, counts from nowhere\n"
            "1: index 1: a; index 4: b\n3: index 1: a; index 4: b");
}

TEST(JudgePosition, IndexZeroIsCountedFromZero) {
  EXPECT_EQ(of_events(3, 2, {"index 0: no"}), "settle - + +, counts from 0\n0: index 0: no");
  EXPECT_EQ(of_events(3, 1, {"index 0: a", "no"}),
            kSeparate + ", counts from 0" + kWhy + "index 0: a; no");
}

TEST(JudgePosition, IndexZeroBesideAnotherIsCountedFromZeroAsWell) {
  EXPECT_EQ(of_events(3, 1, {"index 1: a", "index 0: b"}),
            "settle - - +, counts from 0\n0: index 0: b\n1: index 1: a");
}

TEST(JudgePosition, AnIndexAsHighAsTheNumberOfItemsIsCountedFromOne) {
  EXPECT_EQ(of_events(3, 2, {"index 3: no"}), "settle + + -, counts from 1\n2: index 3: no");
  EXPECT_EQ(of_events(3, 1, {"index 3: a", "index 1: b"}),
            "settle - + -, counts from 1\n0: index 1: b\n2: index 3: a");
}

TEST(JudgePosition, ARequestOfOneItemTeachesAsWell) {
  EXPECT_EQ(of_events(1, 0, {"index 0: no"}), "settle -, counts from 0\n0: index 0: no");
  EXPECT_EQ(of_events(1, 0, {"index 1: no"}), "settle -, counts from 1\n0: index 1: no");
}

TEST(JudgePosition, BothInOneAnswerCannotBe) {
  EXPECT_EQ(of_events(3, 1, {"index 0: a", "index 3: b"}),
            kSeparate + ", counts from nowhere" + kWhy + "index 0: a; index 3: b");
}

TEST(JudgePosition, AnIndexBeyondTheItemsCannotBe) {
  EXPECT_EQ(of_events(3, 2, {"index 4: no"}),
            kSeparate + ", counts from nowhere" + kWhy + "index 4: no");
  EXPECT_EQ(of_events(3, 2, {"index 18446744073709551615: no"}),
            kSeparate + ", counts from nowhere" + kWhy + "index 18446744073709551615: no");
}

TEST(JudgePosition, WhatContradictsEarlierAnswersIsNotBelieved) {
  EXPECT_EQ(of_events(3, 2, {"index 0: no"}, IndexBase::kOne),
            kSeparate + ", counts from 0" + kWhy + "index 0: no");
  EXPECT_EQ(of_events(3, 2, {"index 3: no"}, IndexBase::kZero),
            kSeparate + ", counts from 1" + kWhy + "index 3: no");
  EXPECT_EQ(of_events(3, 2, {"index 0: no"}, IndexBase::kUnreliable),
            kSeparate + ", counts from 0" + kWhy + "index 0: no");
}

TEST(JudgePosition, WhatContradictsItselfTeachesNothing) {
  const std::string body = R"({"success":false,"processed":1,"failed":0,"errors":["index 0: no"]})";
  EXPECT_EQ(judge({Kind::kEvent, 2, ""}, answered(200, body), 0).index_base, IndexBase::kUnknown);
}

TEST(JudgePosition, KnownPositionsTellWhichUpsertsFailedWhereNoListDoes) {
  const std::string body = R"({"success":false,"processed":2,"failed":1,"errors":["index 1: no"]})";
  EXPECT_EQ(text(judge({Kind::kUpsert, 3, ""}, answered(200, body), 0, IndexBase::kOne)),
            "settle - + +\n0: index 1: no");
}

}  // namespace
}  // namespace flowmyna::test
