// Answers that say one thing and its opposite. Whatever they say, the request was applied.

#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

class Contradicting : public SimTest {
 protected:
  Json objects(const std::string& contradiction) {
    dialect(R"({"contradictions":")" + contradiction + "\"}");
    return json_of(post("/object/batch", kTwoUpserts));
  }
  Json event_batch(const std::string& contradiction) {
    dialect(R"({"contradictions":")" + contradiction + "\"}");
    return json_of(post("/event/batch", kTwoEvents));
  }
};

TEST_F(Contradicting, ASuccessIsFalseAlthoughNothingFailed) {
  const auto answer = objects("success_false");
  EXPECT_EQ(answer["success"], false);
  EXPECT_EQ(answer["failed"], 0);
  EXPECT_EQ(
      json_of(post("/event", R"({"event":"E","objects":[{"type":"T","id":"1"}]})"))["success"],
      false);
}

TEST_F(Contradicting, TheCountsDoNotAddUp) {
  EXPECT_EQ(objects("processed_short")["processed"], 1);
  EXPECT_EQ(objects("processed_long")["processed"], 3);
  EXPECT_EQ(event_batch("failed_long")["failed"], 1);
  EXPECT_EQ(event_batch("failed_long")["processed"], 2);
}

TEST_F(Contradicting, AnObjectIsListedThatWasNotSent) {
  const auto list = objects("listed_foreign")["objects"];
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0]["external_id"], "O-1");
  EXPECT_EQ(list[1]["external_id"], "ELSEWHERE-1");
}

TEST_F(Contradicting, OneIsListedTwice) {
  const auto list = objects("listed_twice")["objects"];
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1]["external_id"], "O-1");
  const auto ids = event_batch("listed_twice")["event_ids"];
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_EQ(ids[0], ids[1]);
}

TEST_F(Contradicting, OneThatIsListedIsNull) {
  EXPECT_EQ(objects("listed_null")["objects"][1], nullptr);
  EXPECT_EQ(event_batch("listed_null")["event_ids"][1], nullptr);
}

TEST_F(Contradicting, FewerOrMoreAreListedThanWereProcessed) {
  EXPECT_EQ(objects("listed_fewer")["objects"].size(), 1U);
  EXPECT_EQ(objects("listed_more")["objects"].size(), 3U);
  const auto fewer = event_batch("listed_fewer");
  EXPECT_EQ(fewer["event_ids"].size(), 1U);
  EXPECT_EQ(fewer["processed"], 2);
  EXPECT_EQ(event_batch("listed_more")["event_ids"].size(), 3U);
}

TEST_F(Contradicting, NothingFailedYetThereAreErrors) {
  const auto answer = objects("errors_without_failure");
  EXPECT_EQ(answer["failed"], 0);
  EXPECT_EQ(answer["success"], true);
  EXPECT_EQ(answer["errors"].size(), 1U);
}

TEST_F(Contradicting, SeveralAtOnceAndTheStateIsAsSent) {
  dialect(R"({"contradictions":["success_false","listed_fewer"]})");
  const auto answer = json_of(post("/object/batch", kTwoUpserts));
  EXPECT_EQ(answer["success"], false);
  EXPECT_EQ(answer["objects"].size(), 1U);
  EXPECT_EQ(counts()["objects"], 2);
}

TEST_F(Contradicting, ARuleContradictsOnlyTheRequestsThatItStrikes) {
  faults(R"([{"fault":"dialect","path":"/event/batch","count":1,)"
         R"("dialect":{"contradictions":["listed_fewer"]}}])");
  EXPECT_EQ(json_of(post("/object/batch", kTwoUpserts))["objects"].size(), 2U);
  EXPECT_EQ(json_of(post("/event/batch", kTwoEvents))["event_ids"].size(), 1U);
  EXPECT_EQ(json_of(post("/event/batch", kTwoEvents))["event_ids"].size(), 2U);
  EXPECT_EQ(log()[1]["fault"], "dialect");
}

}  // namespace
}  // namespace flowmyna::stand_in
