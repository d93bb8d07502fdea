#include <gtest/gtest.h>

#include <limits>

#include "client/json_check.h"
#include "flowmyna/client.h"

namespace flowmyna::client {
namespace {

TEST(Value, HoldsEveryKindAsJsonText) {
  EXPECT_EQ(Value(true).json(), "true");
  EXPECT_EQ(Value(nullptr).json(), "null");
  EXPECT_EQ(Value(-7).json(), "-7");
  EXPECT_EQ(Value(std::numeric_limits<std::uint64_t>::max()).json(), "18446744073709551615");
  EXPECT_EQ(Value(std::numeric_limits<std::int64_t>::min()).json(), "-9223372036854775808");
  EXPECT_EQ(Value("gold").json(), "\"gold\"");
  EXPECT_EQ(Value(std::string("gold")).json(), "\"gold\"");
}

TEST(Value, FloatingPointTakesTheShortestTextThatReadsBackTheSame) {
  EXPECT_EQ(Value(0.1).json(), "0.1");
  EXPECT_EQ(Value(0.1F).json(), "0.1");
  EXPECT_EQ(Value(1.0 / 3).json(), "0.3333333333333333");
  EXPECT_EQ(Value(1e300).json(), "1e+300");
  EXPECT_EQ(Value(-0.0).json(), "-0");
}

TEST(Value, RawTextKeepsItsDigits) {
  for (const char* text : {"5420.00", "12345678901234567890123", "0.1234567890123456789", "1e400",
                           "-0", R"({"a":[1.50,null]})", R"("\u0000")"}) {
    const Value value = Value::raw(text);
    EXPECT_EQ(value.json(), text);
    EXPECT_EQ(value.problem(), nullptr) << text;
  }
}

TEST(Value, StringsAreEscapedOnlyWhereJsonAsksForIt) {
  EXPECT_EQ(Value("a\"b\\c\n\t\x01 \x7f/ü€😀").json(), "\"a\\\"b\\\\c\\n\\t\\u0001 \x7f/ü€😀\"");
  EXPECT_EQ(Value(std::string_view("\0", 1)).json(), R"("\u0000")");
}

TEST(Value, WhatHasNoJsonFormIsAProblem) {
  EXPECT_NE(Value(std::numeric_limits<double>::quiet_NaN()).problem(), nullptr);
  EXPECT_NE(Value(-std::numeric_limits<float>::infinity()).problem(), nullptr);
  EXPECT_NE(Value("\xff").problem(), nullptr);
  EXPECT_NE(Value(static_cast<const char*>(nullptr)).problem(), nullptr);
  EXPECT_NE(Value::raw("NaN").problem(), nullptr);
}

TEST(JsonCheck, RefusesWhatIsNotOneJsonValue) {
  const std::string deep(101, '[');
  for (const std::string& text : {std::string(),
                                  std::string(" "),
                                  std::string("1 2"),
                                  std::string("[1,]"),
                                  std::string("{\"a\":1,}"),
                                  std::string("{a:1}"),
                                  std::string("01"),
                                  std::string("1."),
                                  std::string("+1"),
                                  std::string("'a'"),
                                  std::string("\"a"),
                                  std::string("\"\n\""),
                                  std::string("\"\\x\""),
                                  std::string("\"\\u12g4\""),
                                  std::string("\"\xc0\xaf\""),
                                  std::string("\"\xed\xa0\x80\""),
                                  std::string("tru"),
                                  std::string("1}"),
                                  deep,
                                  deep + std::string(101, ']')}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
}

TEST(JsonCheck, TakesAHundredLevels) {
  EXPECT_TRUE(is_json(std::string(100, '[') + std::string(100, ']')));
}

TEST(JsonCheck, PartsAreAsTheyAreWritten) {
  const auto members = json_parts(R"( {"a\u0041" : [1.00, {"b":2}] ,"":1e400} )");
  ASSERT_TRUE(members.has_value());
  ASSERT_EQ(members->size(), 2U);
  EXPECT_EQ(members->at(0).name, R"(a\u0041)");
  EXPECT_EQ(members->at(0).value, R"([1.00, {"b":2}])");
  EXPECT_EQ(members->at(1).value, "1e400");
  const auto elements = json_parts(members->at(0).value);
  ASSERT_TRUE(elements.has_value());
  EXPECT_EQ(elements->at(0).value, "1.00");
  EXPECT_EQ(elements->at(1).value, R"({"b":2})");
  EXPECT_EQ(json_parts("[]")->size(), 0U);
  for (const char* bad : {"", "1", "[1", "{\"a\":01}", "{} x"}) {
    EXPECT_FALSE(json_parts(bad).has_value()) << bad;
  }
}

TEST(JsonCheck, NamesTheMembersOfTheOutermostObjectOnly) {
  const auto names = member_names(R"( {"event": {"inner": 1e999}, "": [{"b":2}]} )");
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ(*names, (std::vector<std::string_view>{"event", ""}));
  EXPECT_FALSE(member_names("[1]").has_value());
  EXPECT_FALSE(member_names(R"({"a":1}x)").has_value());
}

}  // namespace
}  // namespace flowmyna::client
