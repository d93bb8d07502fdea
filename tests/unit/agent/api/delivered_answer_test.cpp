#include "agent/api/delivered_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace flowmyna {
namespace {

Operation upsert(std::string_view type, std::string_view id) {
  Operation operation;
  operation.object = {type, id};
  return operation;
}

OperationOutcome delivered(Receipt receipt, const std::string& id, bool created = false) {
  return {receipt, OperationOutcome::State::kDelivered, id, created, 0, {}};
}
OperationOutcome dead(Receipt receipt, int status, const std::string& reason) {
  return {receipt, OperationOutcome::State::kDead, {}, false, status, reason};
}

std::string single(const Operation& operation, const OperationOutcome& outcome) {
  EncodedOperations operations;
  operations.add(operation);
  const auto response = DeliveredAnswer::to_single(operation.kind, operations).render({outcome});
  EXPECT_EQ(response.preference_applied, "wait");
  return std::to_string(response.status) + " " + response.body;
}

TEST(DeliveredAnswer, OfAnUpsertIsTheApisShapeWithItsId) {
  EXPECT_EQ(single(upsert("T", R"(a\"b)"), delivered(7, "u-7", true)),
            R"(200 {"success":true,"object_id":"u-7","object_type":"T","external_id":"a\"b",)"
            R"("created":true,"message":"Object 'T/a\"b' created successfully",)"
            R"("queued":false,"receipt":7})");
  EXPECT_EQ(single(upsert("T", "1"), delivered(8, "u-7")),
            R"(200 {"success":true,"object_id":"u-7","object_type":"T","external_id":"1",)"
            R"("created":false,"message":"Object 'T/1' updated successfully",)"
            R"("queued":false,"receipt":8})");
}

TEST(DeliveredAnswer, OfARefusalHasTheStatusThatTheItemAloneWouldHaveGot) {
  const auto refused = [](int status) {
    return single(upsert("T", "1"), dead(7, status, "no \"tier\""));
  };
  const std::string body = R"( {"detail":"no \"tier\"","receipt":7,"state":"dead"})";
  EXPECT_EQ(refused(400), "400" + body);
  EXPECT_EQ(refused(413), "413" + body);
  EXPECT_EQ(refused(422), "422" + body);
  EXPECT_EQ(refused(200), "422" + body);
  EXPECT_EQ(refused(0), "409" + body);
}

TEST(DeliveredAnswer, OfWhatAPersonDroppedSaysSo) {
  EXPECT_EQ(single(upsert("T", "1"), dropped(7)),
            R"(410 {"detail":"dropped by a person before it was delivered","receipt":7,)"
            R"("state":"dropped"})");
}

TEST(DeliveredAnswer, KeepsToItselfWhereAnItemStoodInTheRequestThatWasSent) {
  EXPECT_EQ(single(upsert("T", "1"), dead(7, 422, "index 12: no")),
            R"(422 {"detail":"no","receipt":7,"state":"dead"})");
  EXPECT_EQ(single(upsert("T", "1"), dead(7, 422, "index finger: no")),
            R"(422 {"detail":"index finger: no","receipt":7,"state":"dead"})");
}

TEST(DeliveredAnswer, OfABatchCountsWhatWasInvalidHereTogetherWithWhatTheApiRefused) {
  DecodedBatch batch;
  batch.accepted.add(upsert("T", "1"));
  batch.accepted.add(upsert("T", "3"));
  batch.accepted_indexes = {1, 3};
  batch.errors = {{0, "first"}, {2, "third"}, {4, "fifth"}};
  const auto answer = DeliveredAnswer::to_batch(Kind::kUpsert, batch);
  EXPECT_EQ(answer.render({delivered(7, "u-7", true), dead(8, 422, "no")}).body,
            R"({"success":false,"processed":1,"failed":4,"objects":[{"object_id":"u-7",)"
            R"("object_type":"T","external_id":"1","created":true}],"errors":["index 0: first",)"
            R"("index 2: third","index 3: no","index 4: fifth"],"queued":false,"receipts":[7,8]})");
  EXPECT_EQ(answer.render({dead(7, 400, "no"), dead(8, 422, "no")}).status, 200);
}

}  // namespace
}  // namespace flowmyna
