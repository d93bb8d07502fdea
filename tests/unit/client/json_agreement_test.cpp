// What the client takes for JSON, held against the agent, which is the one that stores it: a value
// that only one of them takes is refused too early, or too late to tell who wrote it.

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/ctl/import_lines.h"
#include "client/json_check.h"
#include "core/json_text.h"
#include "flowmyna/client.h"
#include "tests/unit/core/outcome.h"

namespace flowmyna::test {
namespace {

/// The refusal, or nothing when the agent takes the body of an upsert.
std::optional<Refusal> refusal_of(std::string_view body) {
  static Decoder shared;
  const PaddedBody padded(body);
  auto result = shared.single(Kind::kUpsert, padded.view(), {kNow});
  if (result) return std::nullopt;
  return std::move(result.error());
}

bool agent_takes(std::string_view value) {
  return !refusal_of(R"({"type":"T","id":"1","properties":{"p":)" + std::string(value) + "}}");
}

bool client_takes(std::string_view value) {
  return client::Value::raw(std::string(value)).problem() == nullptr;
}

/// Lists and objects in turn around a value.
std::string nested(std::size_t depth, const std::string& inside) {
  std::string begin;
  std::string end;
  for (std::size_t i = 0; i < depth; ++i) {
    begin += i % 2 == 0 ? "[" : R"({"a":)";
    end.insert(0, i % 2 == 0 ? "]" : "}");
  }
  return begin + inside + end;
}

struct Case {
  std::string value;
  bool is_taken;
};

std::vector<Case> cases() {
  constexpr std::size_t kMax = Decoder::kMaxDepth;
  std::vector<Case> out;
  const auto add = [&out](bool is_taken, std::initializer_list<std::string> values) {
    for (const std::string& value : values) out.push_back({value, is_taken});
  };
  // escapes of surrogates: a pair, halves, in the wrong order, in a name
  add(true, {R"("\ud83d\ude00")", R"("\uD83D\uDE00")", R"("\ud7ff\ue000\uffff")"});
  add(false, {R"("\ud800")", R"("\udbffx")", R"("\udc00")", R"("\udfff")", R"("\ude00\ud83d")",
              R"("\ud83d\ud83d\ude00")", R"("\ud83d\n\ude00")", R"("\ud83d\u0041")",
              R"({"\ud800":1})", R"({"a":["\udc00"]})", R"("\ud83d\ude0")", R"("\ud83d\ude0g")"});
  // other escapes
  add(true, {R"("\u0000")", R"({"\u0000":"\u001f"})", R"("\"\\\/\b\f\n\r\t")"});
  add(false, {R"("\x41")", R"("\u12")", R"("\u12g4")", R"("\U0041")", R"("\')", "\"\\\"", "\"\\",
              R"("\u)", R"("\u+041")"});
  // UTF-8 and what looks like it
  add(true, {"\"\xc2\x80\"", "\"\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
             "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"", "\"\xef\xbb\xbf\"", "\"\x7f\""});
  add(false, {"\"\xc0\"",
              "\"\xc0\x80\"",
              "\"\xc0\xaf\"",
              "\"\xc1\xbf\"",
              "\"\xe0\x80\x80\"",
              "\"\xe0\x9f\xbf\"",
              "\"\xf0\x80\x80\x80\"",
              "\"\xf0\x8f\xbf\xbf\"",
              "\"\xed\xa0\x80\"",
              "\"\xed\xbf\xbf\"",
              "\"\xed\xa0\xbd\xed\xb8\x80\"",
              "\"\xf4\x90\x80\x80\"",
              "\"\xf5\x80\x80\x80\"",
              "\"\xf8\x88\x80\x80\x80\"",
              "\"\xff\"",
              "\"\xfe\"",
              "\"\x80\"",
              "\"\xe2\x82\"",
              "\"\xf0\x9f\x98\"",
              "\"\xc3\"",
              "{\"\xc0\xaf\":1}",
              "1\xc2\x85"});
  add(false, {"\xef\xbb\xbf[]", "\xef\xbb\xbf{}", "1\xef\xbb\xbf", "\xff\xfe[]"});
  // control characters
  for (char c = 0; c < ' '; ++c) add(false, {std::string("\"a") + c + "\""});
  add(true, {" \t\r\n1 \t\r\n", "[ 1\t,\r2\n]", "\"\xc2\x85\""});
  add(false, {"\v1", "1\f", "1\xc2\xa0", std::string("1\0", 2), std::string("\0", 1),
              std::string("[1,\0]", 5)});
  // numbers
  add(true, {"0", "-0", "-0.0", "10", "1.50", "1e5", "1E+05", "1e-0", "0e0", "1e400", "-1e-400",
             "12345678901234567890123", "0.1234567890123456789"});
  add(false, {"01",  "-01",  "00",    "1.",       ".5",        "-",   "-.5",  "1e",
              "1e+", "1.e1", "1.5.5", "1e5e5",    "+1",        "--1", "0x10", "1_000",
              "1f",  "NaN",  "-NaN",  "Infinity", "-Infinity", "1 2"});
  // the other values, bare and not
  add(true, {"true", "false", "null", R"("")", R"("a")", "[]", "{}", "[[],{}]", R"({"":{"":""}})"});
  add(false, {"", " ", "True", "nul", "nulll", "truefalse", "undefined", "a", "'a'", R"("a)", "\"",
              R"("a""b")", R"("a"b)"});
  // lists and objects
  add(true, {R"({"a":1,"a":2})", R"({"a":1,"\u0061":{"b":[1]},"a":null})", R"([1,1])"});
  add(false, {"[1,]",
              "[,1]",
              "[,]",
              "[1 2]",
              "[1",
              "1]",
              "[1}",
              "[",
              "]",
              R"({"a":1,})",
              R"({,"a":1})",
              R"({"a" 1})",
              R"({"a":})",
              R"({"a"})",
              R"({"a":1 "b":2})",
              R"({a:1})",
              R"({1:1})",
              R"({'a':1})",
              R"({"a":1)",
              R"({"a":1])",
              R"({"a"::1})",
              R"({"a":[1,{"b":]})",
              "[1]2",
              "{}{}",
              "[1]//",
              "/**/1",
              "#1"});
  // levels
  for (const std::string& inside : {std::string(), std::string("[]"), std::string("{}")}) {
    const std::size_t levels = inside.empty() ? 0 : 1;
    const std::string value = inside.empty() ? "1" : inside;
    add(true, {nested(kMax - 1 - levels, value), nested(kMax - levels, value)});
    add(false, {nested(kMax + 1 - levels, value), nested(kMax + 1000, value)});
  }
  add(false, {std::string(kMax, '['), std::string(kMax + 1, '[')});
  return out;
}

TEST(JsonAgreement, ClientAndAgentTakeTheSameValues) {
  for (const auto& [value, is_taken] : cases()) {
    EXPECT_EQ(agent_takes(value), is_taken) << "the agent: " << testing::PrintToString(value);
    EXPECT_EQ(client_takes(value), is_taken) << "the client: " << testing::PrintToString(value);
  }
}

/// Calls `visit` with every text that is made of at most `pieces_max` of the pieces.
template <class Visit>
void each_text(const std::vector<std::string_view>& pieces, int pieces_max, const Visit& visit,
               const std::string& begin = "") {
  visit(begin);
  if (pieces_max == 0) return;
  for (const std::string_view piece : pieces) {
    each_text(pieces, pieces_max - 1, visit, begin + std::string(piece));
  }
}

/// As a whole body, in which a text cannot end the list or the object around it unseen.
void expect_same_verdict(const std::string& body) {
  const auto refusal = refusal_of(body);
  const bool is_broken = refusal && refusal->status == 400;
  EXPECT_NE(client::is_json(body), is_broken) << testing::PrintToString(body);
}

TEST(JsonAgreement, NoShortTextIsJsonForOneOfThemAlone) {
  const std::vector<std::string_view> outside = {"[", "]",    "{",      "}", ":", ",",
                                                 "1", "null", R"("a")", " ", "-", ".5"};
  each_text(outside, 4, [](const std::string& text) {
    expect_same_verdict(R"({"x":)" + text + "}");
    expect_same_verdict("{" + text + "}");
  });
  const std::vector<std::string_view> number = {"-", "+", "0", "7", ".", "e", "E", " "};
  each_text(number, 5,
            [](const std::string& text) { expect_same_verdict("{\"x\":" + text + "}"); });
  const std::vector<std::string_view> inside = {
      R"(\u)", R"(\)", R"(\ud83d)", R"(\ude00)", "d", "8", R"(\ud83d\)", "n", "\"", "\xc3"};
  each_text(inside, 4, [](const std::string& text) {
    expect_same_verdict(R"({"x":")" + text + "\"}");
    expect_same_verdict(R"({")" + text + "\":1}");
  });
}

TEST(JsonAgreement, ClientAndAgentTakeTheSameCharacters) {
  // The ends of the ranges of RFC 3629, and what stands beside them.
  constexpr std::array<char, 8> kNext = {'\x7f', '\x80', '\x8f', '\x90',
                                         '\x9f', '\xa0', '\xbf', '\xc0'};
  const auto expect_same = [](const std::string& characters) {
    EXPECT_EQ(client::Value(characters).problem() == nullptr, agent_takes('"' + characters + '"'))
        << testing::PrintToString(characters);
  };
  for (int lead = 0x7f; lead <= 0xff; ++lead) {
    const std::string one(1, static_cast<char>(lead));
    expect_same(one);
    for (const char second : kNext) {
      const std::string two = one + second;
      expect_same(two);
      for (const char third : kNext) {
        expect_same(two + third);
        for (const char fourth : kNext) expect_same(two + third + fourth);
      }
    }
  }
}

TEST(JsonAgreement, NothingThatTheAgentTakesIsLeftOutOfAnImport) {
  using ctl::line_kind;
  using ctl::LineKind;
  const std::string deepest = nested(Decoder::kMaxDepth, "1");
  for (const std::string& line :
       {R"({"event":"E","objects":[{"type":"T","id":"1","properties":{"p":)" + deepest + "}}]}",
        R"( {"\u0065vent":"E","objects":[{"type":"T","id":"1"}]} )" + std::string("\r"),
        std::string(R"({"event":"E","event":"F","objects":[{"type":"T","id":"1e400"}]})")}) {
    EXPECT_EQ(outcome_of_ndjson(Kind::kEvent, line).substr(0, 3), "0: ") << line;
    EXPECT_EQ(line_kind(line), LineKind::kEvent) << line;
  }
  const std::string upsert = R"({"type":"T","id":"1","properties":{"p":)" + deepest + "}}";
  EXPECT_EQ(outcome_of_ndjson(Kind::kUpsert, upsert).substr(0, 3), "0: ");
  EXPECT_EQ(line_kind(upsert), LineKind::kObject);
  // Refused by the agent, which says why.
  EXPECT_EQ(line_kind(R"({"type":"\ud800","id":"1"})"), LineKind::kObject);
}

}  // namespace
}  // namespace flowmyna::test
