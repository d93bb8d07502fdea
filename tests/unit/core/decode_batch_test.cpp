#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/decode.h"
#include "tests/unit/core/outcome.h"

namespace flowmyna::test {
namespace {

constexpr const char* kTooLong =
    R"("msg":"List should have at most 10000 items after validation, not 10001","type":"too_long")";

std::string items(std::size_t count, const char* separator) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += separator;
    out += R"({"type":"A","id":")" + std::to_string(i) + R"("})";
  }
  return out;
}

std::size_t accepted_of_batch(const std::string& body) {
  Decoder decoder;
  const PaddedBody padded(body);
  const auto result = decoder.batch(Kind::kUpsert, padded.view(), {kNow});
  return result ? result->accepted.size() : 0;
}

TEST(DecodeBatch, ItemsArriveInTheirOrder) {
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert,
                             R"({"objects":[{"type":"A","id":"1","properties":{"x":5420.00}},)"
                             R"({"type":"A","id":"1","properties":{"x":null}}]})"),
            "0: {\"type\":\"A\",\"id\":\"1\",\"properties\":{\"x\":5420.00}}\n"
            "1: {\"type\":\"A\",\"id\":\"1\",\"properties\":{\"x\":null}}\n");
  EXPECT_EQ(
      outcome_of_batch(Kind::kEvent, R"({"events":[{"event":"E","objects":[{"type":"A","id":"1"}],)"
                                     R"("timestamp":"2023-01-15"}]})"),
      "0: {\"event\":\"E\",\"objects\":[{\"type\":\"A\",\"id\":\"1\"}],"
      "\"timestamp\":\"2023-01-15\"}\n");
}

TEST(DecodeBatch, AnInvalidItemIsReportedByIndexAndTheOthersAreAccepted) {
  EXPECT_EQ(outcome_of_batch(
                Kind::kUpsert,
                R"({"objects":[{"type":"A","id":"1"},{"type":7},null,{"type":"B","id":"2"}]})"),
            "0: {\"type\":\"A\",\"id\":\"1\"}\n"
            "3: {\"type\":\"B\",\"id\":\"2\"}\n"
            "1! type: Input should be a valid string; id: Field required\n"
            "2! Input should be a valid dictionary or object to extract fields from\n");
  EXPECT_EQ(outcome_of_batch(Kind::kEvent,
                             R"({"events":[{"event":"E","objects":[{"type":"A","id":"1"},{"id":)"
                             R"("2","type":""}]}]})"),
            "0! objects.1.type: String should have at least 1 character\n");
}

/// What is JSON and cannot be stored, in each place in which an item can have it.
std::vector<std::string> upserts_that_cannot_be_stored() {
  const std::string deep = std::string(101, '[') + std::string(101, ']');
  const std::string deep_object = [] {
    std::string text;
    for (int i = 0; i < 101; ++i) text += R"({"a":)";
    return text + "1" + std::string(101, '}');
  }();
  return {
      R"({"type":"A","id":"\ud83d"})",
      R"({"type":"\ude00","id":"1"})",
      R"({"type":"A","id":"1","properties":{"p":"\ud83d"}})",
      R"({"type":"A","id":"1","properties":{"\ud83d":1}})",
      R"({"type":"A","id":"1","properties":{"p":[1,{"q":["\ud83d",[2]]},3],"r":{}}})",
      R"({"\ud83d":{"x":[1]},"type":"A","id":"1"})",
      R"({"type":"A","id":"1","unknown":["\ud83d"],"properties":{"p":[]}})",
      R"("\ud83d")",
      R"(["\ud83d",{"a":1}])",
      R"({"type":"A","id":"1","properties":{"p":)" + deep + R"(,"q":{"r":[1]}}})",
      R"({"type":"A","id":"1","properties":{"p":)" + deep_object + "}}",
      R"({"type":"A","id":"1","unknown":)" + deep + R"(,"properties":{"p":"\ud83d"}})",
  };
}

TEST(DecodeBatch, AnItemThatCannotBeStoredIsReportedByIndexAndTheOthersAreAccepted) {
  const std::string good = R"({"type":"A","id":"1"})";
  for (const std::string& bad : upserts_that_cannot_be_stored()) {
    const std::string as_line = outcome_of_ndjson(Kind::kUpsert, good + "\n" + bad + "\n" + good);
    EXPECT_EQ(as_line.substr(0, 53), "0: " + good + "\n2: " + good + "\n1! ") << as_line;
    // In each place of a list, and between blanks.
    EXPECT_EQ(
        outcome_of_batch(Kind::kUpsert, R"({"objects":[)" + good + "," + bad + " , " + good + "]}"),
        as_line);
    EXPECT_EQ(
        outcome_of_batch(Kind::kUpsert, R"({"objects":[)" + bad + "," + good + "]}").substr(0, 28),
        "1: " + good + "\n0! ");
    EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects": [)" + good + "," + bad + " ] } ")
                  .substr(0, 28),
              "0: " + good + "\n1! ");
  }
}

TEST(DecodeBatch, AnEventThatCannotBeStoredIsReportedByIndex) {
  const std::string good =
      R"({"event":"E","objects":[{"type":"A","id":"1"}],"timestamp":"2023-01-15"})";
  const std::string bad =
      R"({"event":"E","objects":[{"type":"A","id":"1"},{"type":"A","id":"\ud800"},)"
      R"({"type":"B","id":"2"}],"timestamp":"2023-01-15"})";
  EXPECT_EQ(outcome_of_batch(Kind::kEvent, R"({"events":[)" + bad + "," + good + "]}"),
            "1: " + good + "\n0! not valid JSON at byte 64: half of a surrogate pair\n");
}

TEST(DecodeBatch, BrokenJsonBehindWhatCannotBeStoredRefusesTheWholeBody) {
  for (const std::string& bad : upserts_that_cannot_be_stored()) {
    for (const std::string broken : {",01", ",{]}", ",{\"a\" 1}", "x", "}", ",\"\\q\"", ","}) {
      const std::string body = R"({"objects":[)" + bad + broken + "]}";
      EXPECT_EQ(outcome_of_batch(Kind::kUpsert, body).substr(0, 3), "400") << body;
    }
    // In the very item, behind the place at which it was given up.
    std::string inside = bad;
    inside.insert(inside.size() - 1, R"(,"z":01)");
    EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":[)" + inside + "]}").substr(0, 3),
              "400")
        << inside;
  }
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":["\ud83d",{"a":tru}]})"),
            R"(400 "not valid JSON at byte 26: expected a value; NaN, Infinity, leading zeros, )"
            R"(comments and unquoted text are not JSON")");
}

TEST(DecodeBatch, WhatCannotBeReadOutsideTheItemsRefusesTheWholeBody) {
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"x":"\ud83d","objects":[{"type":"A","id":"1"}]})"),
            R"(400 "not valid JSON at byte 6: half of a surrogate pair")");
}

TEST(DecodeBatch, BrokenJsonInOneItemRefusesTheWholeBody) {
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":[{"type":"A","id":"1"},{"type":}]})"),
            R"(400 "not valid JSON at byte 42: expected a value; NaN, Infinity, leading zeros, )"
            R"(comments and unquoted text are not JSON")");
}

TEST(DecodeBatch, TheListMustBeAListAndNotEmpty) {
  for (const char* wrong : {"null", "7", "\"x\"", "{}", "true"}) {
    EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":)" + std::string(wrong) + "}"),
              R"(422 [{"loc":["body","objects"],"msg":"Input should be a valid list",)"
              R"("type":"list_type"}])");
  }
  EXPECT_EQ(outcome_of_batch(Kind::kEvent, R"({"events":[]})"),
            R"(422 [{"loc":["body","events"],"msg":)"
            R"("List should have at least 1 item after validation, not 0","type":"too_short"}])");
}

TEST(DecodeBatch, TheLastOfDuplicateListsWinsWithItsProblems) {
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":7,"objects":[{"type":"A","id":"1"}]})"),
            "0: {\"type\":\"A\",\"id\":\"1\"}\n");
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":[{"type":"B","id":"1"},7],"x":[],)"
                                            R"("objects":[{"type":"A","id":"1"}]})"),
            "0: {\"type\":\"A\",\"id\":\"1\"}\n");
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":[{"type":"A","id":"1"}],"objects":7})"),
            R"(422 [{"loc":["body","objects"],"msg":"Input should be a valid list",)"
            R"("type":"list_type"}])");
}

TEST(DecodeBatch, TenThousandItemsAreTakenAndOneMoreIsRefused) {
  EXPECT_EQ(accepted_of_batch(R"({"objects":[)" + items(10'000, ",") + "]}"), 10'000U);
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":[)" + items(10'001, ",") + "]}"),
            R"(422 [{"loc":["body","objects"],)" + std::string(kTooLong) + "}]");
}

TEST(DecodeBatch, BytesThatStandBehindTheBodyAreNoPartOfIt) {
  const std::string cut = R"({"objects":[{"type":"A","id":"1"})";
  for (const char fill : {'}', ']', ',', '"', '{', ' ', '0', '\\'}) {
    Decoder decoder;
    const PaddedBody padded(cut, fill);
    EXPECT_FALSE(decoder.batch(Kind::kUpsert, padded.view(), {kNow})) << fill;
    EXPECT_FALSE(decoder.single(Kind::kUpsert, padded.view(), {kNow})) << fill;
  }
}

TEST(DecodeNdjson, EachLineIsAnItemWhateverItsLineEnd) {
  const std::string expected =
      "0: {\"type\":\"A\",\"id\":\"0\"}\n"
      "1: {\"type\":\"A\",\"id\":\"1\"}\n"
      "2: {\"type\":\"A\",\"id\":\"2\"}\n";
  EXPECT_EQ(outcome_of_ndjson(Kind::kUpsert, items(3, "\n")), expected);
  EXPECT_EQ(outcome_of_ndjson(Kind::kUpsert, items(3, "\n") + "\n"), expected);
  EXPECT_EQ(outcome_of_ndjson(Kind::kUpsert, items(3, "\r\n") + "\r\n"), expected);
  EXPECT_EQ(outcome_of_ndjson(Kind::kUpsert, "\n \r\n" + items(3, "\n\n\r\n\t\n") + "\n\n"),
            expected);
}

TEST(DecodeNdjson, ABrokenLineIsReportedByIndexAndTheOthersAreAccepted) {
  EXPECT_EQ(outcome_of_ndjson(Kind::kUpsert,
                              "{\"type\":\"A\",\"id\":\"0\"}\n"
                              "{\"type\":\"A\",\"id\":\n"
                              "\n"
                              "{\"type\":\"A\"}\n"
                              "[]\n"
                              "{\"type\":\"A\",\"id\":\"\xff\"}\n"
                              "{\"type\":\"A\",\"id\":\"5\"}{}\n"
                              "{\"type\":\"A\",\"id\":\"6\"}"),
            "0: {\"type\":\"A\",\"id\":\"0\"}\n"
            "6: {\"type\":\"A\",\"id\":\"6\"}\n"
            "1! not valid JSON at byte 17: expected a value, found the end\n"
            "2! id: Field required\n"
            "3! Input should be a valid dictionary or object to extract fields from\n"
            "4! not valid JSON at byte 18: not valid UTF-8\n"
            "5! not valid JSON at byte 21: something follows the end of the document\n");
}

TEST(DecodeNdjson, ALineThatIsCutDoesNotBorrowFromTheNext) {
  EXPECT_EQ(outcome_of_ndjson(Kind::kUpsert,
                              "{\"type\":\"A\",\"id\":\"0\",\"properties\":{\"a\":{}\n"
                              "}}\n"
                              "{\"type\":\"A\",\"id\":\"2\"}\n"),
            "2: {\"type\":\"A\",\"id\":\"2\"}\n"
            "0! not valid JSON at byte 41: expected ',' or '}', found the end\n"
            "1! not valid JSON at byte 0: expected a value; NaN, Infinity, leading zeros, "
            "comments and unquoted text are not JSON\n");
}

TEST(DecodeNdjson, TenThousandLinesAreTakenAndOneMoreIsRefused) {
  Decoder decoder;
  const PaddedBody enough(items(10'000, "\n") + "\n\n");
  const auto result = decoder.ndjson(Kind::kUpsert, enough.view(), {kNow});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->accepted.size(), 10'000U);
  EXPECT_EQ(result->accepted_indexes.back(), 9'999U);
  EXPECT_EQ(outcome_of_ndjson(Kind::kUpsert, items(10'001, "\n")),
            R"(413 "more than 10000 items in one request, nothing was accepted; )"
            R"(send them in several requests")");
}

}  // namespace
}  // namespace flowmyna::test
