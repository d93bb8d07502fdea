// Rules that look into a request before they strike.

#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

TEST_F(SimTest, AFirewallRefusesWhateverHoldsOneValue) {
  faults(R"([{"fault":"status","status":403,"page":true,"match":{"value":"<script"}}])");
  const auto refused =
      post("/object/batch", R"({"objects":[{"type":"T","id":"1"},)"
                            R"({"type":"T","id":"2","properties":{"note":"a <script>"}}]})");
  EXPECT_EQ(status_of(refused), 403);
  EXPECT_TRUE(refused->body.starts_with("<!DOCTYPE html>"));
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
  EXPECT_EQ(counts()["objects"], 1);
  EXPECT_EQ(log()[0]["items"], 2);
}

TEST_F(SimTest, OneItemIsAnErrorOfTheServerWhateverCompanyItIsIn) {
  faults(R"([{"fault":"status","status":500,"match":{"type":"Order","id":"O-2"}}])");
  EXPECT_EQ(status_of(post("/object/batch", kTwoUpserts)), 500);
  EXPECT_EQ(status_of(post("/event/batch", kTwoEvents)), 500);
  EXPECT_EQ(status_of(post("/object/upsert", R"({"type":"Order","id":"O-2"})")), 500);
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
}

TEST_F(SimTest, OneItemHangsOrIsCut) {
  client_->set_read_timeout(0, kHangTimeoutUs);
  faults(R"([{"fault":"hang","match":{"event":"Shipped"},"count":1},)"
         R"({"fault":"lost_answer","processed":false,"match":{"event":"Shipped"}}])");
  EXPECT_EQ(post("/event/batch", kTwoEvents).error(), httplib::Error::Read);
  EXPECT_FALSE(post("/event/batch", kTwoEvents));
  EXPECT_EQ(log()[1]["fault"], "lost_answer");
  EXPECT_EQ(counts()["events"], 0);
  EXPECT_EQ(status_of(post("/event", R"({"event":"Packed","objects":[{"type":"T","id":"1"}]})")),
            200);
}

TEST_F(SimTest, ALargeRequestFailsByItsItemsOrBytes) {
  faults(R"([{"fault":"status","status":504,"match":{"items_over":1}}])");
  EXPECT_EQ(status_of(post("/object/batch", kTwoUpserts)), 504);
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
  sim_->clear_faults();
  faults(R"([{"fault":"status","status":502,"match":{"bytes_over":60,"id":"O-1"}}])");
  EXPECT_EQ(status_of(post("/object/batch", kTwoUpserts)), 502);
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
}

TEST_F(SimTest, TheFirstRuleThatStrikesDecidesAlsoWhenItLooksIntoTheBody) {
  faults(R"([{"fault":"status","status":403,"match":{"id":"O-2"}},)"
         R"({"fault":"status","status":503,"count":1}])");
  EXPECT_EQ(status_of(post("/object/batch", kTwoUpserts)), 403);
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 503) << "not spent by the first";
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
}

TEST_F(SimTest, AnAnswerIsSlowInProportionToItsRequestOrForOneItem) {
  const auto took = [this](const std::string& path, const std::string& body) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(status_of(post(path, body)), 200);
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 begin)
        .count();
  };
  faults(R"([{"fault":"slow","per_item_ms":150}])");
  EXPECT_GE(took("/object/batch", kTwoUpserts), 300);
  sim_->clear_faults();
  faults(R"([{"fault":"slow","per_kib_ms":100,"path":"/object/upsert"}])");
  const std::string large =
      R"({"type":"T","id":"1","properties":{"p":")" + std::string(3000, 'x') + "\"}}";
  EXPECT_GE(took("/object/upsert", large), 290);
  sim_->clear_faults();
  faults(R"([{"fault":"slow","delay_ms":300,"match":{"id":"O-2"},"count":1}])");
  took("/object/upsert", kOneUpsert);
  EXPECT_EQ(log().back()["fault"], nullptr);
  EXPECT_GE(took("/object/batch", kTwoUpserts), 300);
}

TEST_F(SimTest, ARuleIsForSeveralEndpoints) {
  faults(R"([{"fault":"status","status":500,"path":["/event","/event/batch"]}])");
  EXPECT_EQ(status_of(post("/event/batch", kTwoEvents)), 500);
  EXPECT_EQ(status_of(post("/event", "{}")), 500);
  EXPECT_EQ(status_of(post("/object/upsert", kOneUpsert)), 200);
}

TEST_F(SimTest, ABodyThatIsNoJsonHasNoItemsToMatch) {
  faults(R"([{"fault":"status","status":500,"match":{"id":"O-2"}}])");
  EXPECT_EQ(status_of(post("/object/upsert", "{")), 422);
  EXPECT_EQ(status_of(get("/api/public/v1/health")), 200);
}

}  // namespace
}  // namespace flowmyna::stand_in
