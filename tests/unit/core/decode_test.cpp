#include "core/decode.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/core/outcome.h"

namespace flowmyna::test {
namespace {

// The body of the vendor's curl example, line breaks included.
constexpr std::string_view kVendorExample = R"({
"type": "Customer",
"id": "CUST-456",
"properties": {
"name": "Jane Doe",
"email": "jane@example.com",
"tier": "gold",
"lifetime_value": 5420.00,
"signup_date": "2023-01-15"
}
})";

TEST(Decode, TheVendorsExampleArrivesAsWritten) {
  EXPECT_EQ(outcome(Kind::kUpsert, kVendorExample),
            R"({"type":"Customer","id":"CUST-456","properties":{"name":"Jane Doe",)"
            R"("email":"jane@example.com","tier":"gold","lifetime_value":5420.00,)"
            R"("signup_date":"2023-01-15"}})");
}

TEST(Decode, ValuesArriveAsWritten) {
  for (const char* value : {"5420.00",
                            "12345678901234567890123",
                            "0.1234567890123456789",
                            "1e400",
                            "-1E+400",
                            "-0",
                            "-0.0",
                            "0e0",
                            "null",
                            "true",
                            "false",
                            R"("")",
                            R"("\u0000")",
                            R"("\u0041\/\n")",
                            R"("\ud83d\ude00")",
                            R"("😀 ä")",
                            "[]",
                            "{}",
                            "[ 1.50 ,\t{\"a\" : 1e-400} ]",
                            R"({"b": {"x": [1.0, 2.00], "x": null}, "a":"\u00e4"})",
                            "[[[[0.10]]]]"}) {
    const std::string properties = std::string(R"({"p":)") + value + "}";
    EXPECT_EQ(sent_properties(properties), properties);
  }
}

TEST(Decode, WhiteSpaceAroundAValueIsNoPartOfIt) {
  EXPECT_EQ(sent_properties("{ \"a\" :\t1.0\r\n, \"b\" : [ 1 ] , \"c\" : \"x\" }"),
            R"({"a":1.0,"b":[ 1 ],"c":"x"})");
}

TEST(Decode, NamesMayBeEmptyOrHoldAnyCharacter) {
  EXPECT_EQ(sent_properties(R"({"":1,"a\u0000b":2,"\"\\":3,"😀":4})"),
            R"({"":1,"a\u0000b":2,"\"\\":3,"😀":4})");
}

TEST(Decode, NamesAndStringsOfAnyLengthKeepTheirEscapes) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string plain(size, 'x');
    EXPECT_EQ(sent_properties("{\"" + plain + "\":\"" + plain + "\"}"),
              "{\"" + plain + "\":\"" + plain + "\"}");
    for (std::size_t at = 0; at <= size; ++at) {
      std::string escaped = plain;
      escaped.insert(at, R"(\")");
      EXPECT_EQ(sent_properties("{\"" + escaped + "\":\"" + escaped + "\",\"y\":1}"),
                "{\"" + escaped + "\":\"" + escaped + "\",\"y\":1}");
    }
  }
}

TEST(Decode, NamesThatAreEqualAfterUnescapingAreOneName) {
  EXPECT_EQ(sent_properties(R"({"a":1,"\u0061":2})"), R"({"a":2})");
  EXPECT_EQ(sent_properties(R"({"\ud83d\ude00":1,"😀":2})"), R"({"😀":2})");
  EXPECT_EQ(sent_properties(R"({"\/":1,"/":2,"\u002F":3})"), R"({"/":3})");
}

TEST(Decode, TheLastOfDuplicateNamesWins) {
  EXPECT_EQ(sent_properties(R"({"a":1,"b":2,"a":null})"), R"({"a":null,"b":2})");
  EXPECT_EQ(outcome(Kind::kUpsert, R"({"type":"A","id":"1","properties":{"a":1},"type":"B",)"
                                   R"("properties":{"b":2}})"),
            R"({"type":"B","id":"1","properties":{"b":2}})");
}

TEST(Decode, WhatWasWrongWithAnEarlierDuplicateIsForgotten) {
  EXPECT_EQ(outcome(Kind::kUpsert, R"({"type":1,"id":"","type":"A","id":"1"})"),
            R"({"type":"A","id":"1"})");
  EXPECT_EQ(outcome(Kind::kEvent, R"({"event":"E","objects":[1,{"type":""}],"timestamp":3,)"
                                  R"("objects":[{"type":"A","id":"1"}],"timestamp":"2023-01-15"})"),
            R"({"event":"E","objects":[{"type":"A","id":"1"}],"timestamp":"2023-01-15"})");
  EXPECT_EQ(outcome(Kind::kUpsert, R"({"type":"A","id":"1","type":null})"),
            R"(422 [{"loc":["body","type"],"msg":"Input should be a valid string",)"
            R"("type":"string_type"}])");
}

TEST(Decode, ManyPropertiesKeepTheirPlaces) {
  std::string properties = "{";
  for (int i = 0; i < 1'000; ++i) {
    properties +=
        (i ? "," : "") + std::string("\"p") + std::to_string(i) + "\":" + std::to_string(i);
  }
  EXPECT_EQ(sent_properties(properties + "}"), properties + "}");
  std::string changed = properties + ",\"p7\":\"new\"}";
  std::string expected = properties + "}";
  expected.replace(expected.find("\"p7\":7"), 6, "\"p7\":\"new\"");
  EXPECT_EQ(sent_properties(changed), expected);
}

TEST(Decode, StringsAreOneSpellingWhateverTheirEscapes) {
  EXPECT_EQ(outcome(Kind::kUpsert, R"({"type":"\u0041\/","id":"\u0022\ud83d\ude00\u000a"})"),
            R"({"type":"A/","id":"\"😀\n"})");
}

TEST(Decode, LengthsCountCharactersNotBytes) {
  const auto body = [](int characters) {
    std::string type;
    for (int i = 0; i < characters; ++i) type += i % 2 ? "😀" : "\\ud83d\\ude00";
    return R"({"type":")" + type + R"(","id":"1"})";
  };
  EXPECT_EQ(outcome(Kind::kUpsert, body(100)).substr(0, 9), R"({"type":")");
  EXPECT_EQ(outcome(Kind::kUpsert, body(101)),
            R"(422 [{"loc":["body","type"],"msg":"String should have at most 100 characters",)"
            R"("type":"string_too_long"}])");
}

TEST(Decode, OptionalFieldsMayBeNull) {
  EXPECT_EQ(outcome(Kind::kUpsert, R"({"type":"A","id":"1","properties":null})"),
            R"({"type":"A","id":"1"})");
  EXPECT_EQ(outcome(Kind::kEvent, R"({"event":"E","timestamp":null,"properties":null,"objects":)"
                                  R"([{"type":"A","id":"1","qualifier":null,"properties":null}]})"),
            R"({"event":"E","objects":[{"type":"A","id":"1"}],)"
            R"("timestamp":"2026-01-02T03:04:05.678Z"})");
}

TEST(Decode, AnEventKeepsItsOwnTimestampAndIsStampedOtherwise) {
  Decoder decoder;
  const PaddedBody own(R"({"event":"E","timestamp":"2023-01-15T10:30:00+01:00",)"
                       R"("objects":[{"type":"A","id":"1"}]})");
  const PaddedBody none(R"({"event":"E","objects":[{"type":"A","id":"1"}]})");
  const auto kept = decoder.single(Kind::kEvent, own.view(), {kNow});
  const auto stamped = decoder.single(Kind::kEvent, none.view(), {kNow});
  ASSERT_TRUE(kept && stamped);
  const auto first = Operation::parse((*kept)[0]);
  const auto second = Operation::parse((*stamped)[0]);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->timestamp, "2023-01-15T10:30:00+01:00");
  EXPECT_FALSE(first->is_stamped_here);
  EXPECT_EQ(second->timestamp, kNow);
  EXPECT_TRUE(second->is_stamped_here);
}

TEST(Decode, OnlyAStampOfOursCarriesTheBootThatItWasTakenIn) {
  Decoder decoder;
  const BootStamp boot{7, BootTime(1234)};
  const PaddedBody both(
      R"({"events":[)"
      R"({"event":"E","timestamp":"2023-01-15","objects":[{"type":"A","id":"1"}]},)"
      R"({"event":"E","objects":[{"type":"A","id":"1"}]},)"
      R"({"event":"E","timestamp":null,"objects":[{"type":"A","id":"1"}]}]})");
  const auto batch = decoder.batch(Kind::kEvent, both.view(), {kNow, boot});
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->accepted.size(), 3U);
  EXPECT_EQ(boot_stamp_of(batch->accepted[0]), std::nullopt);
  EXPECT_EQ(boot_stamp_of(batch->accepted[1]), boot);
  EXPECT_EQ(boot_stamp_of(batch->accepted[2]), boot);
}

TEST(Decode, AnEventArrivesWithEverythingItCarries) {
  const std::string event =
      R"({"event":"Order Shipped","objects":[{"type":"Order","id":"1","qualifier":"main",)"
      R"("properties":{"total":5420.00}},{"type":"Customer","id":"2"}],)"
      R"("timestamp":"2023-01-15T10:30:00Z","properties":{"by":"truck"}})";
  EXPECT_EQ(outcome(Kind::kEvent, event), event);
}

TEST(Decode, UnknownFieldsAreCheckedAndOtherwiseIgnored) {
  EXPECT_EQ(outcome(Kind::kUpsert, R"({"x":[{"type":"B"}],"type":"A","id":"1","qualifier":7})"),
            R"({"type":"A","id":"1"})");
  EXPECT_EQ(outcome(Kind::kUpsert, R"({"x":[{"type":01}],"type":"A","id":"1"})"),
            R"(400 "not valid JSON at byte 14: expected a value; NaN, Infinity, leading zeros, )"
            R"(comments and unquoted text are not JSON")");
}

TEST(Decode, AValueMayNestAsDeepAsTheLimitAndNoDeeper) {
  const auto nested = [](std::size_t depth) {
    return R"({"p":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(sent_properties(nested(Decoder::kMaxDepth)), nested(Decoder::kMaxDepth));
  EXPECT_EQ(sent_properties(nested(Decoder::kMaxDepth + 1)),
            R"(400 "a value is nested deeper than 100 levels; flatten it or send it as a string")");
}

TEST(Decode, ADecoderIsAsGoodAfterALargeOrBrokenBodyAsBefore) {
  Decoder decoder;
  const std::string huge =
      R"({"type":"A","id":"1","properties":{"x":")" + std::string(2'000'000, 'x') + R"("}})";
  for (int round = 0; round < 3; ++round) {
    const PaddedBody large(huge);
    const PaddedBody broken(huge.substr(0, huge.size() / 2));
    const PaddedBody small(R"({"type":"A","id":"1"})");
    EXPECT_TRUE(decoder.single(Kind::kUpsert, large.view(), {kNow}));
    EXPECT_FALSE(decoder.single(Kind::kUpsert, broken.view(), {kNow}));
    const auto after = decoder.single(Kind::kUpsert, small.view(), {kNow});
    ASSERT_TRUE(after);
    EXPECT_EQ(sent_json((*after)[0]), R"({"type":"A","id":"1"})");
  }
}

}  // namespace
}  // namespace flowmyna::test
