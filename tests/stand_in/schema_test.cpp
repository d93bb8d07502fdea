#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// A batch of `count` equal items.
std::string batch(const std::string& list, const std::string& item, std::size_t count) {
  std::string items = count == 0 ? "" : item + repeated("," + item, count - 1);
  return "{\"" + list + "\":[" + items + "]}";
}

TEST_F(SimTest, AnUpsertThatDoesNotFitTheSchemaIsRefusedWithTheFieldsPlace) {
  const std::string at = "/object/upsert";
  EXPECT_EQ(problem(at, ""), R"(["body"] missing)");
  EXPECT_EQ(problem(at, "null"), R"(["body"] missing)");
  EXPECT_EQ(problem(at, "[]"), R"(["body"] model_attributes_type)");
  EXPECT_EQ(problem(at, "\"x\""), R"(["body"] model_attributes_type)");
  EXPECT_EQ(problem(at, R"({"id":"1"})"), R"(["body","type"] missing)");
  EXPECT_EQ(problem(at, R"({"type":"T"})"), R"(["body","id"] missing)");
  EXPECT_EQ(problem(at, R"({"type":5,"id":"1"})"), R"(["body","type"] string_type)");
  EXPECT_EQ(problem(at, R"({"type":null,"id":"1"})"), R"(["body","type"] string_type)");
  EXPECT_EQ(problem(at, R"({"type":"","id":"1"})"), R"(["body","type"] string_too_short)");
  EXPECT_EQ(problem(at, R"({"type":"T","id":"\ud800"})"), R"(["body","id"] string_unicode)");
  EXPECT_EQ(problem(at, R"({"type":"T","id":"1","properties":[]})"),
            R"(["body","properties"] dict_type)");
  EXPECT_EQ(post(at, R"({"type":"T","id":"1","properties":null})")->status, 200);
}

TEST_F(SimTest, ErrorBodiesAreWrittenAsTheApiWritesThem) {
  EXPECT_EQ(
      post("/object/batch", R"({"objects":[{"id":"1"}]})")->body,
      R"({"detail":[{"loc":["body","objects",0,"type"],"msg":"Field required","type":"missing"}]})");
}

TEST_F(SimTest, LengthsAreCountedInCharacters) {
  const auto upsert = [](const std::string& type, const std::string& id) {
    return R"({"type":")" + type + R"(","id":")" + id + R"("})";
  };
  const std::string at = "/object/upsert";
  EXPECT_EQ(post(at, upsert(repeated("é", 100), repeated("😀", 500)))->status, 200);
  EXPECT_EQ(post(at, upsert(repeated("\\u00e9", 100), "1"))->status, 200);
  EXPECT_EQ(problem(at, upsert(repeated("é", 101), "1")), R"(["body","type"] string_too_long)");
  EXPECT_EQ(problem(at, upsert("T", repeated("a", 501))), R"(["body","id"] string_too_long)");
  const auto event = [](const std::string& name, const std::string& qualifier) {
    return R"({"event":")" + name + R"(","objects":[{"type":"T","id":"1","qualifier":")" +
           qualifier + R"("}]})";
  };
  EXPECT_EQ(post("/event", event(repeated("é", 200), repeated("é", 100)))->status, 200);
  EXPECT_EQ(problem("/event", event(repeated("a", 201), "q")),
            R"(["body","event"] string_too_long)");
  EXPECT_EQ(problem("/event", event("E", repeated("a", 101))),
            R"(["body","objects",0,"qualifier"] string_too_long)");
}

TEST_F(SimTest, AnEventThatDoesNotFitTheSchemaIsRefusedWithTheFieldsPlace) {
  const std::string object = R"([{"type":"T","id":"1"}])";
  EXPECT_EQ(problem("/event", R"({"objects":)" + object + "}"), R"(["body","event"] missing)");
  EXPECT_EQ(problem("/event", R"({"event":"E"})"), R"(["body","objects"] missing)");
  EXPECT_EQ(problem("/event", R"({"event":"E","objects":{}})"), R"(["body","objects"] list_type)");
  EXPECT_EQ(problem("/event", R"({"event":"E","objects":[]})"), R"(["body","objects"] too_short)");
  EXPECT_EQ(problem("/event", R"({"event":"E","objects":[7]})"),
            R"(["body","objects",0] model_attributes_type)");
  EXPECT_EQ(problem("/event", R"({"event":"E","objects":[{"type":"T"}]})"),
            R"(["body","objects",0,"id"] missing)");
  EXPECT_EQ(problem("/event", R"({"event":"E","objects":[{"type":"T","id":"1","properties":1}]})"),
            R"(["body","objects",0,"properties"] dict_type)");
  EXPECT_EQ(problem("/event", R"({"event":"E","properties":"p","objects":)" + object + "}"),
            R"(["body","properties"] dict_type)");
  EXPECT_EQ(problem("/event", R"({"event":"E","timestamp":1,"objects":)" + object + "}"),
            R"(["body","timestamp"] datetime_type)");
  EXPECT_EQ(problem("/event", R"({"event":"E","timestamp":"2025-02-29","objects":)" + object + "}"),
            R"(["body","timestamp"] datetime_parsing)");
}

TEST_F(SimTest, Iso8601TimestampsAreTaken) {
  for (const std::string time : {"2024-02-29", "2025-01-31T12:00", "2025-01-31 12:00:00.123456",
                                 "2025-01-31T12:00:00Z", "2025-01-31T12:00:00.1+01:00"}) {
    EXPECT_EQ(post("/event",
                   R"({"event":"E","objects":[{"type":"T","id":"1"}],"timestamp":")" + time + "\"}")
                  ->status,
              200)
        << time;
  }
}

TEST_F(SimTest, ABatchHasFromOneToAHundredItems) {
  const std::string upsert = R"({"type":"T","id":"1"})";
  const std::string event = R"({"event":"E","objects":[{"type":"T","id":"1"}]})";
  EXPECT_EQ(post("/object/batch", batch("objects", upsert, 100))->status, 200);
  EXPECT_EQ(post("/event/batch", batch("events", event, 100))->status, 200);
  EXPECT_EQ(problem("/object/batch", batch("objects", upsert, 101)),
            R"(["body","objects"] too_long)");
  EXPECT_EQ(problem("/event/batch", batch("events", event, 101)), R"(["body","events"] too_long)");
  EXPECT_EQ(problem("/object/batch", batch("objects", "", 0)), R"(["body","objects"] too_short)");
  EXPECT_EQ(problem("/object/batch", "{}"), R"(["body","objects"] missing)");
  EXPECT_EQ(problem("/event/batch", R"({"events":"x"})"), R"(["body","events"] list_type)");
  EXPECT_EQ(
      problem("/event/batch", R"({"events":[)" + event + R"(,{"event":"E","objects":[{}]}]})"),
      R"(["body","events",1,"objects",0,"type"] missing)");
}

TEST_F(SimTest, ABatchWithOneWrongItemChangesNothing) {
  post("/object/batch", R"({"objects":[{"type":"T","id":"1"},{"type":"T"}]})");
  EXPECT_EQ(counts()["objects"], 0);
}

TEST_F(SimTest, BrokenJsonIsRefusedWhereverItStands) {
  const auto in_properties = [](const std::string& value) {
    return R"({"type":"T","id":"1","properties":{"v":)" + value + "}}";
  };
  std::vector<std::string> broken = {R"({"type":"T","id":"1",})",
                                     R"({"type":"T","id":"1")",
                                     R"({"type":"T" "id":"1"})",
                                     R"({"type":"T","id":"1"}x)",
                                     R"({"type":"T","id":"1"}{})",
                                     R"({'type':"T","id":"1"})",
                                     R"({"type":"T","id":"1","other":[1,]})",
                                     "nul",
                                     "[1",
                                     "{",
                                     "\xEF\xBB\xBF{}"};
  for (const std::string value : {"NaN",
                                  "01",
                                  "+1",
                                  "1.",
                                  ".5",
                                  "1e",
                                  "- 1",
                                  "tru",
                                  "\"\\q\"",
                                  "\"\\u12\"",
                                  "\"a\tb\"",
                                  "\"\xff\"",
                                  "\"\xed\xa0\x80\"",
                                  "[1 2]",
                                  "[1}",
                                  "{\"a\"}",
                                  "{\"a\":}",
                                  "{1:1}",
                                  "",
                                  "'x'",
                                  "1 2",
                                  "[[1],,[2]]",
                                  "{\"\\x\":1}"}) {
    broken.push_back(in_properties(value));
  }
  broken.push_back(in_properties(repeated("[", 100'000)));
  broken.push_back(in_properties(repeated("[", 2'000) + repeated("]", 2'000)));
  for (const std::string& body : broken) {
    const auto result = post("/object/upsert", body);
    ASSERT_EQ(status_of(result), 422) << body.substr(0, 80);
    EXPECT_EQ(json_of(result)["detail"][0]["type"], "json_invalid") << body.substr(0, 80);
  }
  EXPECT_EQ(counts()["objects"], 0);
  EXPECT_EQ(post("/object/upsert", in_properties(repeated("[", 500) + repeated("]", 500)))->status,
            200);
}

}  // namespace
}  // namespace flowmyna::stand_in
