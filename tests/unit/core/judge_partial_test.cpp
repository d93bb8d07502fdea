// A 200 in which some items failed: which ones, and with which reason.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/judge.h"
#include "core/request.h"
#include "tests/unit/core/operation_list.h"
#include "tests/unit/core/verdict_text.h"

namespace flowmyna::test {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

std::string quoted(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const auto& text : texts) out.push_back("\"" + text + "\"");
  return joined(out);
}

std::string counts(std::size_t processed, std::size_t failed) {
  return R"({"success":false,"processed":)" + std::to_string(processed) + R"(,"failed":)" +
         std::to_string(failed);
}

/// `listed` are the objects that succeeded, as "Type/id" in JSON's escaping; `errors` likewise.
std::string judged_upserts(const std::vector<std::string>& sent,
                           const std::vector<std::string>& listed,
                           const std::vector<std::string>& errors) {
  OperationList backlog;
  for (const auto& object : sent) backlog.upsert(object, {{"type", "\"x\""}});
  const auto operations = backlog.operations();
  std::vector<RequestItem> items;
  for (const Operation& operation : operations) items.push_back({&operation});
  std::vector<std::string> objects;
  for (const auto& object : listed) {
    const ObjectKey key = key_of(object);
    objects.push_back(R"({"object_id":"u","object_type":")" + std::string(key.type) +
                      R"(","external_id":")" + std::string(key.id) + R"(","created":true})");
  }
  const std::string answer = counts(listed.size(), sent.size() - listed.size()) +
                             R"(,"objects":[)" + joined(objects) + R"(],"errors":[)" +
                             quoted(errors) + "]}";
  return text(judge({Kind::kUpsert, sent.size(), batch_body(Kind::kUpsert, items)},
                    answered(200, answer), kNow));
}

/// As many distinct ids as events succeeded.
std::string ids(std::size_t processed) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < processed; ++i) out.push_back("u" + std::to_string(i));
  return quoted(out);
}

std::string judged_events(std::size_t sent, std::size_t processed,
                          const std::vector<std::string>& errors,
                          IndexBase base = IndexBase::kUnknown) {
  const std::string answer = counts(processed, sent - processed) + R"(,"event_ids":[)" +
                             ids(processed) + R"(],"errors":[)" + quoted(errors) + "]}";
  return text(judge({Kind::kEvent, sent, R"({"events":[]})"}, answered(200, answer), kNow, base));
}

TEST(JudgePartialObjects, WhatIsListedSucceededInWhateverOrder) {
  EXPECT_EQ(judged_upserts({"Order/1", "Order/2", "Order/3"}, {"Order/3", "Order/1"}, {"bad id"}),
            "settle + - +\n1: bad id");
}

TEST(JudgePartialObjects, TheSameIdOfAnotherTypeIsAnotherObject) {
  EXPECT_EQ(judged_upserts({"Order/1", "Customer/1"}, {"Customer/1"}, {"no"}), "settle - +\n0: no");
}

TEST(JudgePartialObjects, KeysAreComparedAsCharactersHoweverTheyAreEscaped) {
  EXPECT_EQ(judged_upserts({R"(Or\"der/a\\b)", "Or/ä€😀", R"(Or/x\u0000y)", "Or/last"},
                           {R"(Or/x\u0000y)", R"(Or/\u00e4\u20ac\ud83d\ude00)",
                            R"(\u004fr\u0022der/a\u005cb)"},
                           {"no"}),
            "settle + + + -\n3: no");
}

TEST(JudgePartialObjects, ErrorsThatNameTheirItemGiveEachItsOwnReason) {
  EXPECT_EQ(judged_upserts({"O/1", "O/2", "O/3"}, {"O/2"}, {"index 2: too long", "index 0: no"}),
            "settle - + -, counts from 0\n0: index 0: no\n2: index 2: too long");
}

TEST(JudgePartialObjects, ErrorsThatNameNoItemAreGivenToAllThatFailed) {
  EXPECT_EQ(judged_upserts({"O/1", "O/2", "O/3"}, {"O/2"}, {"too long", "no"}),
            "settle - + -\n0: too long; no\n2: too long; no");
}

TEST(JudgePartialObjects, NoErrorsIsNoReason) {
  EXPECT_EQ(judged_upserts({"O/1", "O/2"}, {"O/2"}, {}), "settle - +\n0: no reason given");
}

TEST(JudgePartialObjects, WithoutAListAllAreSentAgainWhichDoesNoHarm) {
  const std::string again =
      "separate: partial failure that does not say which objects it is about: no";
  for (const char* list : {"", R"(,"objects":null)", R"(,"objects":"1")"}) {
    const std::string sent = R"({"objects":[{"type":"O","id":"1"},{"type":"O","id":"2"}]})";
    const std::string answer = counts(1, 1) + list + R"(,"errors":["no"]})";
    EXPECT_EQ(text(judge({Kind::kUpsert, 2, sent}, answered(200, answer), kNow)), again);
  }
}

TEST(JudgePartialObjects, AListThatDoesNotTellTwoOfOneNameApartSaysNothing) {
  EXPECT_EQ(judged_upserts({"O/1", "O/1"}, {"O/1"}, {"no"}),
            "separate: partial failure that does not say which objects it is about: no");
}

TEST(JudgePartialObjects, AListThatCannotBeSettlesNothing) {
  const std::string why = "retry, outcome unknown: HTTP 200 that contradicts itself: it ";
  EXPECT_TRUE(judged_upserts({"O/1", "O/2", "O/3"}, {"O/1", "O/1"}, {"no"})
                  .starts_with(why + "lists an object twice: "));
  EXPECT_TRUE(judged_upserts({"O/1", "O/2"}, {"O/9"}, {"no"})
                  .starts_with(why + "lists what was not sent: "));
}

TEST(JudgePartialObjects, AllFailedNeedsNoList) {
  EXPECT_EQ(judged_upserts({"O/1", "O/2"}, {}, {"dataset is locked"}),
            "settle - -\n0: dataset is locked\n1: dataset is locked");
}

TEST(JudgePartialEvents, ErrorsThatNameEachFailedItemSettleAllOnceItIsKnownFromWhatTheyCount) {
  const std::vector<std::string> errors = {"index 3: no", "index 1: bad: worse"};
  EXPECT_EQ(judged_events(5, 3, errors, IndexBase::kZero),
            "settle + - + - +\n1: index 1: bad: worse\n3: index 3: no");
  EXPECT_EQ(judged_events(5, 3, errors, IndexBase::kOne),
            "settle - + - + +\n0: index 1: bad: worse\n2: index 3: no");
}

const std::string kUnclear = ": partial failure that does not say which events it is about: ";

TEST(JudgePartialEvents, PositionsAreNotBelievedWhileNobodyKnowsFromWhatTheyCount) {
  for (const IndexBase base : {IndexBase::kUnknown, IndexBase::kUnreliable}) {
    EXPECT_EQ(judged_events(3, 2, {"index 1: no"}, base),
              "separate, outcome unknown" + kUnclear + "index 1: no");
  }
}

TEST(JudgePartialEvents, AllFailedSettlesAllWithOrWithoutNames) {
  EXPECT_EQ(judged_events(2, 0, {"no"}), "settle - -\n0: no\n1: no");
  EXPECT_EQ(judged_events(2, 0, {}), "settle - -\n0: no reason given\n1: no reason given");
  EXPECT_EQ(judged_events(2, 0, {"index 1: b", "index 0: a"}),
            "settle - -, counts from 0\n0: index 0: a\n1: index 1: b");
  EXPECT_EQ(judged_events(2, 0, {"index 1: b"}), "settle - -\n0: index 1: b\n1: index 1: b");
}

TEST(JudgePartialEvents, TheListOfIdsMayBeAbsent) {
  EXPECT_EQ(text(judge({Kind::kEvent, 2, R"({"events":[]})"},
                       answered(200, counts(1, 1) + R"(,"errors":["index 1: no"]})"), kNow,
                       IndexBase::kZero)),
            "settle + -\n1: index 1: no");
}

TEST(JudgePartialEvents, ErrorsThatDoNotNameEachFailedItemLeaveTheOutcomeUnknown) {
  const std::vector<std::vector<std::string>> unclear = {
      {"no"},
      {},
      {"index 1: no", "other"},
      {"index 1: no", "index 1: again"},
      {"index 1: no", "index 2: more than failed"},
      {"index -1: no"},
      {"index 99999999999999999999: no"},
      {"index : no"},
      {"index 1"},
      {"indes 1: no"},
      {"item 1: no"},
      {" index 1: no"},
      {"index  1: no"},
  };
  for (const auto& errors : unclear) {
    const std::string verdict = judged_events(3, 2, errors, IndexBase::kZero);
    EXPECT_TRUE(verdict.starts_with("separate, outcome unknown" + kUnclear)) << verdict;
  }
}

TEST(JudgePartialEvents, APositionIsReadInCapitalsAsWell) {
  EXPECT_EQ(judged_events(2, 1, {"Index 1: no"}, IndexBase::kZero), "settle + -\n1: Index 1: no");
  EXPECT_EQ(judged_events(2, 1, {"INDEX 1:no"}, IndexBase::kZero), "settle + -\n1: INDEX 1:no");
}

TEST(JudgePartialEvents, AnErrorThatIsNoTextIsNoName) {
  const std::string answer = counts(1, 1) + R"(,"event_ids":["u"],"errors":[{"index":0}]})";
  EXPECT_EQ(
      text(judge({Kind::kEvent, 2, ""}, answered(200, answer), kNow)),
      R"(separate, outcome unknown: partial failure that does not say which events it is about: )"
      R"({"index":0})");
}

/// Of three events, each of another object.
std::string judged_named_events(std::size_t processed, const std::string& errors) {
  std::string events;
  for (const char* id : {"a", "b", "c"}) {
    events += (events.empty() ? "" : ",") +
              (R"({"event":"E","timestamp":"2026-01-02","objects":[{"type":"T","id":")" +
               std::string(id)) +
              R"("}]})";
  }
  const std::string answer = counts(processed, 3 - processed) + R"(,"errors":[)" + errors + "]}";
  return text(
      judge({Kind::kEvent, 3, R"({"events":[)" + events + "]}"}, answered(200, answer), kNow));
}

TEST(JudgePartialNames, WhereNoPositionIsKnownAnErrorMayNameItsItem) {
  EXPECT_EQ(judged_named_events(1, R"("T/c: no","index 1: T/a: bad")"),
            "settle - + -\n0: index 1: T/a: bad\n2: T/c: no");
  const std::string sent = R"({"objects":[{"type":"O","id":"a"},{"type":"O","id":"b"}]})";
  const std::string answer = counts(1, 1) + R"(,"errors":["O/b: no"]})";
  EXPECT_EQ(text(judge({Kind::kUpsert, 2, sent}, answered(200, answer), kNow)),
            "settle + -\n1: O/b: no");
}

TEST(JudgePartialNames, AsManyErrorsAsFailuresHaveToNameTheirItems) {
  EXPECT_EQ(judged_named_events(1, R"("T/c: no")"),
            "separate, outcome unknown" + kUnclear + "T/c: no");
  EXPECT_EQ(judged_named_events(2, R"("T/c: no","T/a: no")"),
            "separate, outcome unknown" + kUnclear + "T/c: no; T/a: no");
}

TEST(JudgePartialNames, AllFailedHaveTheirOwnReasons) {
  EXPECT_EQ(judged_named_events(0, R"("T/c: 3","T/a: 1","T/b: 2")"),
            "settle - - -\n0: T/a: 1\n1: T/b: 2\n2: T/c: 3");
}

TEST(JudgePartialNames, AnErrorThatNamesWhatIsListedAsDoneIsOfNoItem) {
  EXPECT_EQ(judged_upserts({"O/a", "O/b"}, {"O/b"}, {"O/b: no"}), "settle - +\n0: O/b: no");
  EXPECT_EQ(judged_upserts({"O/a", "O/b", "O/c"}, {"O/b"}, {"O/b: no", "O/a: bad"}),
            "settle - + -\n0: O/b: no; O/a: bad\n2: O/b: no; O/a: bad");
}

TEST(JudgePartial, ReasonsAreOneReadableLineEach) {
  EXPECT_EQ(judged_events(1, 0, {R"(index 0: a\r\nb\u001b[2J\u009bc\u007fd)"}),
            "settle -, counts from 0\n0: index 0: a  b [2J c d");
  EXPECT_EQ(judged_events(1, 0, {R"(a\nb)"}), "settle -\n0: a b");
  const std::string verdict = judged_events(1, 0, {"index 0: " + std::string(5000, 'x')});
  EXPECT_LT(verdict.size(), 350U);
}

}  // namespace
}  // namespace flowmyna::test
