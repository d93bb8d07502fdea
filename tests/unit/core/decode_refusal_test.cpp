#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/decode.h"
#include "tests/unit/core/outcome.h"

namespace flowmyna::test {
namespace {

struct Problem {
  const char* loc;
  const char* message;
  const char* type;
};

std::string unprocessable(const std::vector<Problem>& problems) {
  std::string out = "422 [";
  for (const Problem& problem : problems) {
    if (out.back() == '}') out += ',';
    out += R"({"loc":[)" + std::string(problem.loc) + R"(],"msg":")" + problem.message +
           R"(","type":")" + problem.type + R"("})";
  }
  return out + "]";
}

constexpr const char* kNoObject =
    "Input should be a valid dictionary or object to extract fields from";
constexpr const char* kNoString = "Input should be a valid string";

/// What becomes of the same bytes on each of the four write routes.
std::vector<std::string> every_outcome(std::string_view body) {
  return {outcome(Kind::kUpsert, body), outcome(Kind::kEvent, body),
          outcome_of_batch(Kind::kUpsert, body), outcome_of_batch(Kind::kEvent, body)};
}

TEST(DecodeRefusal, BrokenJsonIsABadRequestOnEveryRoute) {
  for (const std::string_view body : {R"({"type":"A","id":"1",})",
                                      R"({"type":"A","id":"1","properties":{"a":1,}})",
                                      R"({"type":"A","id":"1","properties":{"a":[1,]}})",
                                      R"({"x":NaN})",
                                      R"({"x":Infinity})",
                                      R"({"x":-Infinity})",
                                      R"({"x":01})",
                                      R"({"x":-01})",
                                      R"({"x":+1})",
                                      R"({"x":.5})",
                                      R"({"x":1.})",
                                      R"({"x":1e})",
                                      R"({"x":0x1F})",
                                      R"({"x":nul})",
                                      R"({"x":trueish})",
                                      R"({'x':1})",
                                      R"({x:1})",
                                      R"({"x" 1})",
                                      R"({"x":1 "y":2})",
                                      R"({"x":1}})",
                                      R"({"x":1}{})",
                                      R"({"x":1} 1)",
                                      R"({"x":1},)",
                                      R"({"x":1)",
                                      R"({"x":[1})",
                                      R"({"x":{"y":1})",
                                      R"({"x)",
                                      R"({"x":"\x"})",
                                      R"({"x":"\u12"})",
                                      R"({"x":"\u12g4"})",
                                      R"({"x":"\ud83d"})",
                                      R"({"x":"\ude00"})",
                                      R"({"x":"\ud83dA"})",
                                      R"({"\ud83d":1})",
                                      "{\"x\":\"\n\"}",
                                      "{\"x\":\"\xff\"}",
                                      "{\"x\":\"\xc3\"}",
                                      "{\"x\":\"\xed\xa0\x80\"}",
                                      "{\"\xc0\x80\":1}",
                                      "{\"x\":1}\xff",
                                      "\xff",
                                      "{\"x\":1/*no*/}",
                                      "{\"x\":1\f}",
                                      "nul",
                                      "\"",
                                      "[1,]",
                                      "[1] 2",
                                      "truefalse",
                                      "1 2",
                                      "-",
                                      "}",
                                      "]",
                                      ":",
                                      ",",
                                      R"({"x":1,,"y":2})",
                                      R"({,})",
                                      R"({"x":})"}) {
    for (const std::string& out : every_outcome(body)) {
      EXPECT_EQ(out.substr(0, 23), "400 \"not valid JSON at ") << body << " gave " << out;
    }
  }
}

TEST(DecodeRefusal, LoneBytesAfterTheDocumentAreFound) {
  using namespace std::string_view_literals;
  for (const std::string_view tail : {"x"sv, "\0"sv, "}"sv, "\""sv, ","sv, "\x1a"sv, "0"sv}) {
    const std::string body = R"({"type":"A","id":"1"})" + std::string(tail);
    for (const std::string& out : every_outcome(body)) EXPECT_EQ(out.substr(0, 3), "400") << out;
  }
}

TEST(DecodeRefusal, BrokenJsonIsNamedWithItsPlace) {
  EXPECT_EQ(outcome(Kind::kUpsert, R"({"type":"A","id":"1",})"),
            R"(400 "not valid JSON at byte 21: expected a property name in double quotes")");
  EXPECT_EQ(outcome(Kind::kUpsert, "{\"type\":\"A\",\"id\":\"\xff\"}"),
            R"(400 "not valid JSON at byte 18: not valid UTF-8")");
  EXPECT_EQ(outcome(Kind::kUpsert, "\xef\xbb\xbf{\"type\":\"A\",}"),
            R"(400 "not valid JSON at byte 12: expected a property name in double quotes")");
}

TEST(DecodeRefusal, AByteOrderMarkIsSkippedAtTheStartAlone) {
  const std::string mark = "\xef\xbb\xbf";
  const std::string item = R"({"type":"A","id":"1"})";
  EXPECT_EQ(outcome(Kind::kUpsert, mark + item), item);
  EXPECT_EQ(outcome(Kind::kUpsert, mark + " \r\n" + item), item);
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, mark + R"({"objects":[)" + item + "]}"),
            "0: " + item + "\n");
  const std::string refused =
      "not valid JSON at byte 0: a byte order mark; send plain UTF-8 "
      "without one";
  EXPECT_EQ(outcome_of_ndjson(Kind::kUpsert, mark + item + "\n" + mark + item),
            "0: " + item + "\n1! " + refused + "\n");
  for (const std::string& body : {mark + mark + item, item + mark}) {
    EXPECT_EQ(outcome(Kind::kUpsert, body).substr(0, 3), "400") << body;
  }
}

TEST(DecodeRefusal, AnEmptyBodySaysWhatToSend) {
  for (const char* body : {"", " ", "\r\n\t ", "\xef\xbb\xbf", "\xef\xbb\xbf "}) {
    for (const std::string& out : every_outcome(body)) {
      EXPECT_EQ(out, R"(400 "the body is empty; send a JSON object")");
    }
    EXPECT_EQ(outcome_of_ndjson(Kind::kEvent, body),
              R"(400 "the body is empty; send one JSON object per line")");
  }
}

TEST(DecodeRefusal, DepthOfAHundredThousandIsRefusedWithoutHarm) {
  constexpr std::size_t kDepth = 100'000;
  std::string objects;
  for (std::size_t i = 0; i < kDepth; ++i) objects += "{\"a\":";
  const std::string lists(kDepth, '[');
  const std::string ends(kDepth, ']');
  const std::string deep = objects + "1" + std::string(kDepth, '}');
  const std::string head = R"({"type":"A","id":"1","properties":{"p":)";
  for (const std::string& body : {lists, objects, deep, head + lists, head + lists + ends + "}}",
                                  head + deep + "}}", R"({"x":)" + deep + "}"}) {
    for (const std::string& out : every_outcome(body)) {
      EXPECT_EQ(out.substr(0, 5), "400 \"") << body.substr(0, 50);
    }
  }
  const std::string refused =
      "0! a value is nested deeper than 100 levels; flatten it or send it as a string\n";
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":)" + lists + ends + "}"), refused);
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"objects":[)" + head + deep + "}}]}"), refused);
  EXPECT_EQ(outcome_of_batch(Kind::kEvent, R"({"events":[{"objects":)" + lists + ends + "}]}"),
            refused);
  EXPECT_EQ(outcome(Kind::kUpsert, lists + ends),
            unprocessable({{R"("body")", kNoObject, "model_attributes_type"}}));
}

TEST(DecodeRefusal, ABodyThatIsNoObjectIsUnprocessable) {
  for (const char* body : {"null", "true", "7", "1e400", "\"x\"", "[]", "[{\"type\":\"A\"}]"}) {
    for (const std::string& out : every_outcome(body)) {
      EXPECT_EQ(out, unprocessable({{R"("body")", kNoObject, "model_attributes_type"}})) << body;
    }
  }
}

TEST(DecodeRefusal, EveryMissingFieldIsNamed) {
  EXPECT_EQ(outcome(Kind::kUpsert, "{}"),
            unprocessable({{R"("body","type")", "Field required", "missing"},
                           {R"("body","id")", "Field required", "missing"}}));
  EXPECT_EQ(outcome(Kind::kEvent, "{}"),
            unprocessable({{R"("body","event")", "Field required", "missing"},
                           {R"("body","objects")", "Field required", "missing"}}));
  EXPECT_EQ(outcome(Kind::kEvent, R"({"event":"E","objects":[{"type":"A","id":"1"},{}]})"),
            unprocessable({{R"("body","objects",1,"type")", "Field required", "missing"},
                           {R"("body","objects",1,"id")", "Field required", "missing"}}));
  EXPECT_EQ(outcome_of_batch(Kind::kUpsert, R"({"events":[]})"),
            unprocessable({{R"("body","objects")", "Field required", "missing"}}));
  EXPECT_EQ(outcome_of_batch(Kind::kEvent, R"({"objects":[]})"),
            unprocessable({{R"("body","events")", "Field required", "missing"}}));
}

TEST(DecodeRefusal, TextFieldsMustBeText) {
  for (const char* wrong : {"null", "true", "7", "1e400", "[]", "{}", "[\"A\"]"}) {
    const std::string value = wrong;
    EXPECT_EQ(outcome(Kind::kUpsert, R"({"type":)" + value + R"(,"id":)" + value + "}"),
              unprocessable({{R"("body","type")", kNoString, "string_type"},
                             {R"("body","id")", kNoString, "string_type"}}));
    EXPECT_EQ(outcome(Kind::kEvent, R"({"event":)" + value + R"(,"objects":[{"type":)" + value +
                                        R"(,"id":)" + value + "}]}"),
              unprocessable({{R"("body","event")", kNoString, "string_type"},
                             {R"("body","objects",0,"type")", kNoString, "string_type"},
                             {R"("body","objects",0,"id")", kNoString, "string_type"}}));
  }
  for (const char* wrong : {"true", "7", "[]", "{}"}) {
    EXPECT_EQ(outcome(Kind::kEvent, R"({"event":"E","objects":[{"type":"A","id":"1","qualifier":)" +
                                        std::string(wrong) + "}]}"),
              unprocessable({{R"("body","objects",0,"qualifier")", kNoString, "string_type"}}));
  }
}

TEST(DecodeRefusal, PropertiesMustBeAnObject) {
  constexpr const char* kNoDictionary = "Input should be a valid dictionary";
  for (const char* wrong : {"true", "7", "\"x\"", "[]", "[{}]"}) {
    const std::string value = wrong;
    EXPECT_EQ(outcome(Kind::kUpsert, R"({"type":"A","id":"1","properties":)" + value + "}"),
              unprocessable({{R"("body","properties")", kNoDictionary, "dict_type"}}));
    EXPECT_EQ(outcome(Kind::kEvent, R"({"event":"E","properties":)" + value +
                                        R"(,"objects":[{"type":"A","id":"1","properties":)" +
                                        value + "}]}"),
              unprocessable({{R"("body","properties")", kNoDictionary, "dict_type"},
                             {R"("body","objects",0,"properties")", kNoDictionary, "dict_type"}}));
  }
}

TEST(DecodeRefusal, TimestampsMustBeIso8601) {
  for (const char* wrong : {"true", "1673778600", "[]", "{}"}) {
    EXPECT_EQ(outcome(Kind::kEvent, R"({"event":"E","objects":[{"type":"A","id":"1"}],)"
                                    R"("timestamp":)" +
                                        std::string(wrong) + "}"),
              unprocessable({{R"("body","timestamp")", "Input should be a valid datetime",
                              "datetime_type"}}));
  }
  for (const char* wrong : {"", "yesterday", "2023-02-30", "2023-01-15T25:00:00Z"}) {
    EXPECT_EQ(
        outcome(Kind::kEvent, R"({"event":"E","objects":[{"type":"A","id":"1"}],)"
                              R"("timestamp":")" +
                                  std::string(wrong) + "\"}"),
        unprocessable({{R"("body","timestamp")",
                        "Input should be a valid datetime in ISO 8601, like 2023-01-15T10:30:00Z",
                        "datetime_parsing"}}));
  }
}

TEST(DecodeRefusal, AnEventNeedsAListOfAtLeastOneObject) {
  for (const char* wrong : {"null", "true", "7", "\"x\"", "{}"}) {
    EXPECT_EQ(
        outcome(Kind::kEvent, R"({"event":"E","objects":)" + std::string(wrong) + "}"),
        unprocessable({{R"("body","objects")", "Input should be a valid list", "list_type"}}));
  }
  EXPECT_EQ(
      outcome(Kind::kEvent, R"({"event":"E","objects":[]})"),
      unprocessable({{R"("body","objects")",
                      "List should have at least 1 item after validation, not 0", "too_short"}}));
  EXPECT_EQ(outcome(Kind::kEvent, R"({"event":"E","objects":[null,{"type":"A","id":"1"},[]]})"),
            unprocessable({{R"("body","objects",0)", kNoObject, "model_attributes_type"},
                           {R"("body","objects",2)", kNoObject, "model_attributes_type"}}));
}

TEST(DecodeRefusal, LengthsHaveTheLimitsOfTheApi) {
  struct Limit {
    Kind kind;
    const char* head;
    const char* tail;
    const char* loc;
    std::size_t characters_max;
  };
  const std::array limits = {
      Limit{Kind::kUpsert, R"({"id":"1","type":")", R"("})", R"("body","type")", 100},
      Limit{Kind::kUpsert, R"({"type":"A","id":")", R"("})", R"("body","id")", 500},
      Limit{Kind::kEvent, R"({"objects":[{"type":"A","id":"1"}],"event":")", R"("})",
            R"("body","event")", 200},
      Limit{Kind::kEvent, R"({"event":"E","objects":[{"id":"1","type":")", R"("}]})",
            R"("body","objects",0,"type")", 100},
      Limit{Kind::kEvent, R"({"event":"E","objects":[{"type":"A","id":")", R"("}]})",
            R"("body","objects",0,"id")", 500},
      Limit{Kind::kEvent, R"({"event":"E","objects":[{"type":"A","id":"1","qualifier":")",
            R"("}]})", R"("body","objects",0,"qualifier")", 100},
  };
  for (const Limit& limit : limits) {
    const auto with = [&](std::size_t characters) {
      std::string text;
      for (std::size_t i = 0; i < characters; ++i) text += "ä";
      return outcome(limit.kind, limit.head + text + limit.tail);
    };
    EXPECT_EQ(with(0), unprocessable({{limit.loc, "String should have at least 1 character",
                                       "string_too_short"}}));
    EXPECT_EQ(with(1).front(), '{') << with(1);
    EXPECT_EQ(with(limit.characters_max).front(), '{') << with(limit.characters_max);
    const std::string message =
        "String should have at most " + std::to_string(limit.characters_max) + " characters";
    EXPECT_EQ(with(limit.characters_max + 1),
              unprocessable({{limit.loc, message.c_str(), "string_too_long"}}));
  }
}

TEST(DecodeRefusal, AMillionProblemsAreToldInAFew) {
  std::string body = R"({"event":"E","objects":[0)";
  for (int i = 1; i < 1'000'000; ++i) body += ",0";
  const std::string out = outcome(Kind::kEvent, body + "]}");
  EXPECT_LT(out.size(), 4'000U);
  EXPECT_NE(out.find(R"({"loc":["body","objects"],"msg":"999984 more problems in this list",)"
                     R"("type":"too_many_errors"})"),
            std::string::npos)
      << out;
}

TEST(DecodeRefusal, ADetailIsATextInTheShapeOfTheApi) {
  EXPECT_EQ(detail_body("a \"quoted\" text"), R"({"detail":"a \"quoted\" text"})");
}

}  // namespace
}  // namespace flowmyna::test
