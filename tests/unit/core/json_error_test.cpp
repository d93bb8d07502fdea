#include "core/json_error.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace flowmyna {
namespace {

std::string error_of(std::string_view text) {
  const auto error = find_json_error(text);
  return error ? std::to_string(error->offset_bytes) + ": " + error->reason : "";
}

TEST(JsonError, ValidDocumentsHaveNone) {
  for (const char* text :
       {"{}", "[]", " null ", "1e400", "-0", R"("\ud83d\ude00")", "[1,[2,{\"a\":[]}]]\n",
        R"({"":{"a":"\/\b\u0000"}, "b":true})", "\"\xf4\x8f\xbf\xbf\xed\x9f\xbf\""}) {
    EXPECT_EQ(error_of(text), "") << text;
  }
}

TEST(JsonError, ThePlaceIsTheFirstByteThatDoesNotFit) {
  EXPECT_EQ(error_of(R"({"a":1,})"), "7: expected a property name in double quotes");
  EXPECT_EQ(error_of("[1 2]"), "3: expected ',' or ']'");
  EXPECT_EQ(error_of(R"({"a":1 "b":2})"), "7: expected ',' or '}'");
  EXPECT_EQ(error_of(R"({"a" 1})"), "5: expected ':' after the property name");
  EXPECT_EQ(error_of("{'a':1}"), "1: expected a property name in double quotes");
  EXPECT_EQ(error_of("{} x"), "3: something follows the end of the document");
  EXPECT_EQ(error_of(R"(["a\x"])"), "3: an invalid escape in a string");
  EXPECT_EQ(error_of(R"(["\ud83d!"])"), "2: half of a surrogate pair");
  EXPECT_EQ(error_of(R"(["\ude00"])"), "2: half of a surrogate pair");
  EXPECT_EQ(error_of("[\"a\xff\"]"), "3: not valid UTF-8");
}

TEST(JsonError, WhatEndsTooSoonSaysSo) {
  EXPECT_EQ(error_of(R"({"a":)").substr(0, 19), "5: expected a value");
  EXPECT_EQ(error_of(R"({"a":1)"), "6: expected ',' or '}', found the end");
  EXPECT_EQ(error_of(R"({"abc)"), "1: the string that starts here never ends");
}

TEST(JsonError, InvalidUtf8IsFoundInEveryForm) {
  for (const std::string_view bytes :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82",
        "\xf0\x9f\x98", "\xfe", "\xff"}) {
    EXPECT_EQ(error_of("\"" + std::string(bytes) + "\""), "1: not valid UTF-8")
        << testing::PrintToString(std::string(bytes));
  }
}

TEST(JsonError, HalfOfASurrogatePairIsNoErrorOfTheGrammar) {
  for (const char* text :
       {R"(["\ud83d!"])", R"(["\ude00"])", R"(["\ud83d\ud83d"])", R"({"\ud83d":1})"}) {
    EXPECT_NE(error_of(text), "") << text;
    EXPECT_FALSE(find_grammar_error(text)) << text;
  }
  for (const char* text : {R"(["\ud83"])", R"(["\ud83d)", R"(["\x"])", R"(["\ud83d"] x)"}) {
    EXPECT_TRUE(find_grammar_error(text)) << text;
  }
}

TEST(JsonError, DepthCostsNoStack) {
  constexpr std::size_t kDepth = 1'000'000;
  EXPECT_EQ(error_of(std::string(kDepth, '[') + std::string(kDepth, ']')), "");
  EXPECT_NE(error_of(std::string(kDepth, '[')), "");
}

}  // namespace
}  // namespace flowmyna
