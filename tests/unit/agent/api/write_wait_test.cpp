// Writers who wait for delivery (`Prefer: wait`), with delivery faked.

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "router_bench.h"
#include "tests/unit/outbox/scripted_storage.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

constexpr const char* kOrder = R"({"type":"Order","id":"ORD-1"})";

/// Made before the rest, so that it outlives it.
struct Scripted {
  Script script;
};

class WriteWait : protected Scripted, public RouterBench {
 protected:
  WriteWait() : RouterBench(std::make_unique<ScriptedStorage>(script)) {}

  std::future<HttpResponse> write_and_wait(const std::string& path, const std::string& body,
                                           const std::string& prefer = "wait=10") {
    HttpRequest asked = request("POST", "/api/public/v1/" + path, body);
    asked.prefer = prefer;
    return begin(std::move(asked));
  }
  /// The one wait that delivery knows of: what was asked before is done once a read is.
  Wait wait() {
    everything(vault);
    EXPECT_EQ(delivery.waits.size(), 1U);
    return delivery.waits.at(0);
  }
};

OperationOutcome delivered_as(Receipt receipt, const std::string& id, bool created = true) {
  return {receipt, OperationOutcome::State::kDelivered, id, created, 0, {}};
}

TEST_F(WriteWait, DeliveryIsToldWhatIsWaitedForAndUntilWhen) {
  write("Order", "before", "{}");
  auto answer = write_and_wait(
      "object/batch", R"({"objects":[{"type":"Order","id":"1"},7,{"type":"Order","id":"2"}]})");
  const Wait asked = wait();
  EXPECT_EQ(asked.first, 2U);
  EXPECT_EQ(asked.count, 2U) << "of what was accepted";
  EXPECT_EQ(asked.deadline, clock.boot + std::chrono::seconds(10));
  asked.done({});
  EXPECT_EQ(answer.get().status, 200);
}

TEST_F(WriteWait, WhatWasDeliveredIsAnsweredWithTheApisIds) {
  auto answer = write_and_wait("object/upsert", kOrder, "respond-async, wait=\"3\"; x=1");
  const Wait asked = wait();
  EXPECT_EQ(asked.deadline, clock.boot + std::chrono::seconds(3));
  asked.done({delivered_as(1, "u-1")});
  const HttpResponse reply = answer.get();
  EXPECT_EQ(reply.preference_applied, "wait");
  EXPECT_EQ(text(reply),
            R"(200 {"success":true,"object_id":"u-1","object_type":"Order",)"
            R"("external_id":"ORD-1","created":true,)"
            R"("message":"Object 'Order/ORD-1' created successfully","queued":false,"receipt":1})");
}

TEST_F(WriteWait, AnEventThatWasDeliveredIsAnsweredWithTheApisIdAndItsTime) {
  auto answer =
      write_and_wait("event", R"({"event":"Paid","objects":[{"type":"Order","id":"1"}]})");
  wait().done({delivered_as(1, "e-1", false)});
  const json body = json::parse(answer.get().body);
  EXPECT_EQ(body["event_id"], "e-1");
  EXPECT_EQ(body["timestamp"], "2025-10-09T08:53:20.000Z");
  EXPECT_EQ(body["queued"], false);
  EXPECT_EQ(body["receipt"], 1);
}

TEST_F(WriteWait, WhatTheApiRefusedIsAnsweredWithItsStatusAndItsWords) {
  auto answer = write_and_wait("object/upsert", kOrder);
  wait().done({{1, OperationOutcome::State::kDead, {}, false, 400, "no such tier"}});
  EXPECT_EQ(answer.get().status, 400);
}

TEST_F(WriteWait, OfABatchEachOutcomeStandsAtItsIndex) {
  HttpRequest lines = request("POST", "/api/public/v1/event/batch",
                              R"({"event":"Paid","objects":[{"type":"Order","id":"1"}]})"
                              "\nnothing\n"
                              R"({"event":"Sent","objects":[{"type":"Order","id":"1"}]})");
  lines.content_type = "application/x-ndjson";
  lines.prefer = "wait=1";
  auto answer = begin(std::move(lines));
  wait().done({delivered_as(1, "e-1"), {2, OperationOutcome::State::kDead, {}, false, 422, "no"}});
  const json body = json::parse(answer.get().body);
  EXPECT_EQ(body["event_ids"], json::parse(R"(["e-1"])"));
  EXPECT_EQ(body["errors"].size(), 2U);
  EXPECT_EQ(body["errors"][1], "index 2: no");
  EXPECT_EQ(body["receipts"], json::parse("[1,2]"));
}

TEST_F(WriteWait, WhatIsNotDeliveredInTimeIsAnsweredAsQueued) {
  auto answer = write_and_wait("object/upsert", kOrder);
  wait().done({});
  const HttpResponse reply = answer.get();
  EXPECT_EQ(reply.preference_applied, "");
  const json body = json::parse(reply.body);
  EXPECT_EQ(body["queued"], true);
  EXPECT_EQ(body["created"], json(nullptr));
  EXPECT_EQ(body["receipt"], 1);
}

TEST_F(WriteWait, ThereIsNoneUnlessItIsAskedForInSeconds) {
  Receipt next = 1;
  for (const char* prefer : {"", "return=minimal", "wait", "wait=", "wait=0", "wait=-1", "wait=+1",
                             "wait=ten", "wait=1.5", "waits=5", "x=\"wait=5\"", "; wait=5"}) {
    const HttpResponse reply = write_and_wait("object/upsert", kOrder, prefer).get();
    EXPECT_EQ(json::parse(reply.body)["receipt"], next++) << prefer;
  }
  EXPECT_TRUE(delivery.waits.empty());
}

TEST_F(WriteWait, ItIsAnHourAtMost) {
  auto answer = write_and_wait("object/upsert", kOrder, "wait=99999999999999999999999");
  const Wait asked = wait();
  EXPECT_EQ(asked.deadline, clock.boot + std::chrono::hours(1));
  asked.done({});
  EXPECT_EQ(answer.get().status, 200);
}

TEST_F(WriteWait, WhatWasNotAcceptedIsNotWaitedFor) {
  script.commit_fails = true;
  EXPECT_EQ(text(write_and_wait("object/upsert", kOrder).get()), "503 disk I/O error");
  EXPECT_EQ(write_and_wait("object/upsert", "{}").get().status, 422);
  EXPECT_EQ(write_and_wait("object/batch", R"({"objects":[{}]})").get().status, 200);
  EXPECT_TRUE(delivery.waits.empty());
}

}  // namespace
}  // namespace flowmyna::test
