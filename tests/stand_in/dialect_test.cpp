// The freedoms in the fields of an answer.

#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

const std::string kRejectSecond =
    R"([{"fault":"reject_items","mode":"partial","match":{"id":"O-2"},"reason":"no"}])";

/// The names of the objects that an answer lists, in its order.
std::string listed(const nlohmann::json& answer) {
  std::string names;
  for (const auto& object : answer["objects"]) names += object["external_id"].get<std::string>();
  return names;
}

TEST_F(SimTest, ErrorsOfASuccessAreEmptyNullOrAbsent) {
  EXPECT_EQ(json_of(post("/object/batch", kTwoUpserts))["errors"], Json::array());
  dialect(R"({"errors":"null"})");
  EXPECT_EQ(json_of(post("/object/batch", kTwoUpserts))["errors"], nullptr);
  EXPECT_TRUE(json_of(post("/event/batch", kTwoEvents)).contains("errors"));
  dialect(R"({"errors":"absent"})");
  EXPECT_FALSE(json_of(post("/object/batch", kTwoUpserts)).contains("errors"));
  EXPECT_FALSE(json_of(post("/event/batch", kTwoEvents)).contains("errors"));
}

TEST_F(SimTest, ErrorsOfAFailureStayWhateverASuccessHas) {
  faults(kRejectSecond);
  dialect(R"({"errors":"absent"})");
  EXPECT_EQ(json_of(post("/object/batch", kTwoUpserts))["errors"], Json({"index 1: no"}));
}

TEST_F(SimTest, ErrorsOfAFailureAreNullAbsentEmptyOrOneForAll) {
  faults(R"([{"fault":"reject_items","mode":"partial","reason":"no"}])");
  const auto answer = [this](const std::string& form) {
    dialect(R"({"failure_errors":")" + form + "\"}");
    return json_of(post("/object/batch", kTwoUpserts));
  };
  EXPECT_EQ(answer("null")["errors"], nullptr);
  EXPECT_FALSE(answer("absent").contains("errors"));
  EXPECT_EQ(answer("empty")["errors"], Json::array());
  EXPECT_EQ(answer("single")["errors"], Json({"index 0: no"}));
  EXPECT_EQ(answer("shuffled")["errors"], Json({"index 1: no", "index 0: no"}));
  EXPECT_EQ(answer("given")["failed"], 2);
}

TEST_F(SimTest, ListsAreNullAbsentOrInAnotherOrder) {
  for (const auto& [list, path, body] : {std::tuple{"objects", "/object/batch", kTwoUpserts},
                                         std::tuple{"event_ids", "/event/batch", kTwoEvents}}) {
    const std::string name = list;
    dialect("{\"" + name + R"(":"null"})");
    const auto null = json_of(post(path, body));
    EXPECT_TRUE(null.contains(name));
    EXPECT_EQ(null[name], nullptr);
    EXPECT_EQ(null["processed"], 2);
    dialect("{\"" + name + R"(":"absent"})");
    EXPECT_FALSE(json_of(post(path, body)).contains(name));
  }
  dialect(R"({"objects":"shuffled"})");
  EXPECT_EQ(listed(json_of(post("/object/batch", kTwoUpserts))), "O-2O-1");
}

TEST_F(SimTest, ShuffledEventIdsAreThoseOfTheEvents) {
  dialect(R"({"event_ids":"shuffled"})");
  const auto ids = json_of(post("/event/batch", kTwoEvents))["event_ids"];
  EXPECT_EQ(ids, Json({events()[1]["event_id"], events()[0]["event_id"]}));
}

TEST_F(SimTest, FurtherFieldsStandInEveryAnswerAndItsObjects) {
  dialect(R"({"further_fields":{"request_id":"r-1","meta":{"took":3}}})");
  const auto batch = json_of(post("/object/batch", kTwoUpserts));
  EXPECT_EQ(batch["request_id"], "r-1");
  EXPECT_EQ(batch["objects"][1]["meta"]["took"], 3);
  EXPECT_EQ(json_of(post("/object/upsert", kOneUpsert))["request_id"], "r-1");
  EXPECT_EQ(json_of(get("/api/public/v1/health"))["request_id"], "r-1");
}

TEST_F(SimTest, FieldsCanBeAbsentOrNull) {
  dialect(R"({"absent_fields":["message","created"],"null_fields":"object_id"})");
  const auto one = json_of(post("/object/upsert", kOneUpsert));
  EXPECT_FALSE(one.contains("message"));
  EXPECT_EQ(one["object_id"], nullptr);
  const auto batch = json_of(post("/object/batch", kTwoUpserts));
  EXPECT_FALSE(batch["objects"][0].contains("created"));
  EXPECT_EQ(batch["objects"][0]["object_id"], nullptr);
  EXPECT_FALSE(batch.contains("object_id")) << "null only where it was";
}

TEST_F(SimTest, ErrorTextsCountFromZeroFromOneNameTheItemOrNothing) {
  faults(R"([{"fault":"reject_items","mode":"partial","match":{"id":"O-2"},"reason":"no"}])");
  const auto error = [this](const std::string& text, const std::string& path,
                            const std::string& body) {
    dialect(Json{{"error_text", text}}.dump());
    return json_of(post(path, body))["errors"][0];
  };
  EXPECT_EQ(error("index {index}: {reason}", "/object/batch", kTwoUpserts), "index 1: no");
  EXPECT_EQ(error("item {number}: {reason}", "/object/batch", kTwoUpserts), "item 2: no");
  EXPECT_EQ(error("{name}: {reason}", "/object/batch", kTwoUpserts), "Order/O-2: no");
  EXPECT_EQ(error("{name}: {reason}", "/event/batch", kTwoEvents), "Shipped: no");
  EXPECT_EQ(error("{reason}", "/event/batch", kTwoEvents), "no");
}

TEST_F(SimTest, FreedomsCombine) {
  dialect(R"({"errors":"null","objects":"shuffled","further_fields":{"x":1},"bom":true,)"
          R"("pretty":true,"content_type":"Application/JSON"})");
  const auto result = post("/object/batch", kTwoUpserts);
  EXPECT_TRUE(result->body.starts_with("\xEF\xBB\xBF{\n"));
  EXPECT_EQ(result->get_header_value("Content-Type"), "Application/JSON");
  const auto answer = json_of(result);
  EXPECT_EQ(answer["errors"], nullptr);
  EXPECT_EQ(answer["x"], 1);
  EXPECT_EQ(listed(answer), "O-2O-1");
}

}  // namespace
}  // namespace flowmyna::stand_in
