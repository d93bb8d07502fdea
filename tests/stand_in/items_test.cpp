// Items of a batch that fail by themselves, and requests that are applied by half.

#include <functional>
#include <map>

#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

/// "+" for each of so many requests in which all items were processed, "-" for the others.
std::string outcomes(const std::function<httplib::Result()>& request, int times) {
  std::string seen;
  for (int i = 0; i < times; ++i) {
    const auto answer = nlohmann::json::parse(request()->body);
    seen += answer["failed"] == 0 ? '+' : '-';
  }
  return seen;
}

TEST_F(SimTest, AllItemsOfABatchFail) {
  faults(R"([{"fault":"reject_items","mode":"partial"}])");
  const auto answer = json_of(post("/event/batch", kTwoEvents));
  EXPECT_EQ(answer["processed"], 0);
  EXPECT_EQ(answer["failed"], 2);
  EXPECT_EQ(answer["event_ids"], Json::array());
  EXPECT_EQ(counts()["events"], 0);
}

TEST_F(SimTest, ItemsFailByTypeIdEventPropertyOrValue) {
  const std::string events =
      R"({"events":[{"event":"A","objects":[{"type":"T","id":"1"}],"properties":{"p":"bad <b>"}},)"
      R"({"event":"B","objects":[{"type":"U","id":"2","properties":{"q":7}}]}]})";
  const auto failed = [&](const std::string& match) {
    sim_->reset();
    faults(R"([{"fault":"reject_items","mode":"partial","errors":"plain","reason":"no","match":)" +
           match + "}]");
    post("/event/batch", events);
    std::string left;
    for (const auto& event : this->events()) left += event["event"].get<std::string>();
    return left == "AB" ? "none" : left == "A" ? "B" : left == "B" ? "A" : "both";
  };
  EXPECT_EQ(failed(R"({"type":"T"})"), std::string("A"));
  EXPECT_EQ(failed(R"({"type":"U","id":"2"})"), std::string("B"));
  EXPECT_EQ(failed(R"({"type":"T","id":"2"})"), std::string("none"));
  EXPECT_EQ(failed(R"({"event":"B"})"), std::string("B"));
  EXPECT_EQ(failed(R"({"property":"p"})"), std::string("A"));
  EXPECT_EQ(failed(R"({"property":"q"})"), std::string("B"));
  EXPECT_EQ(failed(R"({"value":"<b>"})"), std::string("A"));
  EXPECT_EQ(failed(R"({"property":"q","value":"<b>"})"), std::string("none"));
  EXPECT_EQ(failed("{}"), std::string("both"));
}

TEST_F(SimTest, UpsertsFailByPropertyAndValue) {
  const std::string body =
      R"({"objects":[{"type":"T","id":"1","properties":{"p":1}},{"type":"T","id":"2"}]})";
  faults(R"([{"fault":"reject_items","mode":"partial","match":{"property":"p","value":"1"}}])");
  EXPECT_EQ(json_of(post("/object/batch", body))["objects"][0]["external_id"], "2");
}

TEST_F(SimTest, AFailureIsPassing) {
  faults(R"([{"fault":"reject_items","mode":"partial","match":{"id":"O-2"},"count":2}])");
  const auto batch = [this] { return post("/object/batch", kTwoUpserts); };
  EXPECT_EQ(outcomes(batch, 4), "--++");
  sim_->clear_faults();
  faults(R"([{"fault":"reject_items","mode":"partial","match":{"id":"O-2"},"for_ms":0}])");
  EXPECT_EQ(outcomes(batch, 1), "+");
}

TEST_F(SimTest, EachItemFailsSoManyTimesByItself) {
  faults(R"([{"fault":"reject_items","mode":"partial","count_each":1}])");
  const std::string first =
      R"({"events":[{"event":"Packed","objects":[{"type":"Order","id":"O-1"}]}]})";
  EXPECT_EQ(json_of(post("/event/batch", first))["failed"], 1);
  const auto both = json_of(post("/event/batch", kTwoEvents));
  EXPECT_EQ(both["failed"], 1) << "the other one, for the first time";
  EXPECT_EQ(events()[0]["event"], "Packed");
  EXPECT_EQ(json_of(post("/event/batch", kTwoEvents))["failed"], 0);
}

TEST_F(SimTest, SeveralRulesMakeItemsFailInOneRequestEachWithItsText) {
  faults(R"([{"fault":"reject_items","mode":"partial","match":{"id":"O-2"},"reason":"late"},)"
         R"({"fault":"reject_items","mode":"partial","match":{"id":"O-1"},)"
         R"("error_text":"{name} (no. {number}) is bad"}])");
  EXPECT_EQ(json_of(post("/object/batch", kTwoUpserts))["errors"],
            Json({"Order/O-1 (no. 1) is bad", "index 1: late"}));
}

TEST_F(SimTest, HalfOfABatchIsRecordedBeforeTheErrorOfTheServer) {
  faults(R"([{"fault":"status","status":500,"processed":"half","count":1}])");
  EXPECT_EQ(status_of(post("/event/batch", kTwoEvents)), 500);
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0]["event"], "Packed");
  EXPECT_EQ(log()[0]["items"], 2);
  EXPECT_EQ(log()[0]["applied"], 1);
}

TEST_F(SimTest, TheConnectionIsCutAfterAllHalfOrNothingWasRecorded) {
  for (const auto& [processed, recorded] :
       {std::pair{"true", 2}, std::pair{"\"half\"", 1}, std::pair{"false", 0}}) {
    sim_->reset();
    faults(R"([{"fault":"lost_answer","processed":)" + std::string(processed) + "}]");
    EXPECT_FALSE(post("/event/batch", kTwoEvents));
    EXPECT_EQ(counts()["events"], recorded);
  }
}

TEST_F(SimTest, TheLogAndTheStateTellHowOftenEachThingWasSentAndRecorded) {
  faults(R"([{"fault":"lost_answer","count":2}])");
  for (int i = 0; i < 3; ++i) post("/event/batch", kTwoEvents, {{"Idempotency-Key", "k-1"}});
  std::map<std::string, int> recorded;
  for (const auto& event : events()) ++recorded[event["event"]];
  EXPECT_EQ(recorded, (std::map<std::string, int>{{"Packed", 3}, {"Shipped", 3}}));
  std::map<std::string, int> sent;
  for (const auto& entry : log())
    ++sent[entry["key"].get<std::string>() + entry["body_hash"].get<std::string>()];
  EXPECT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent.begin()->second, 3);
}

}  // namespace
}  // namespace flowmyna::stand_in
