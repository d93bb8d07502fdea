// What a write is answered, and what of it stands in the outbox: the outbox in memory, delivery
// faked. What waits for delivery is in write_wait_test.cpp.

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "router_bench.h"
#include "tests/unit/outbox/scripted_storage.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kUpserts = "/api/public/v1/object/batch";
constexpr const char* kEvent = "/api/public/v1/event";
constexpr const char* kEvents = "/api/public/v1/event/batch";
constexpr const char* kPaid = R"({"event":"Paid","objects":[{"type":"Order","id":"1"}]})";

// 1'760'000'000'000, the bench's clock, as it begins a UUID of version 7 and in ISO 8601.
constexpr const char* kUuidOfNow = "0199c82c-c000-7";
constexpr const char* kNow = "2025-10-09T08:53:20.000Z";

/// Made before the rest, so that it outlives it.
struct Scripted {
  Script script;
};

class WriteRoutes : protected Scripted, public RouterBench {
 protected:
  WriteRoutes() : RouterBench(std::make_unique<ScriptedStorage>(script, kQuotaBytes)) {}

  HttpResponse post(const std::string& path, const std::string& content_type,
                    const std::string& body) {
    HttpRequest asked = request("POST", path, body);
    asked.content_type = content_type;
    return ask(std::move(asked));
  }
  std::string upsert(const std::string& id, std::size_t bytes) {
    return answer("POST", kUpsert,
                  R"({"type":"Order","id":")" + id + R"(","properties":{"x":")" +
                      std::string(bytes, 'x') + "\"}}");
  }
  /// When the event of this receipt happened, and who says so: `TIME of the agent, 7@5000`.
  std::string time_of(Receipt receipt) {
    Asked<Window> asked;
    vault.fetch({receipt}, asked.done());
    const Window window = asked.wait().value();
    const auto event = Operation::parse(window.stored(window.rows().front())).value();
    std::string out(event.timestamp);
    if (event.is_stamped_here) out += " of the agent";
    if (event.boot) {
      out += ", " + std::to_string(event.boot->boot) + "@" + std::to_string(event.boot->at.count());
    }
    return out;
  }

  static constexpr std::uint64_t kQuotaBytes = 4096;
};

TEST_F(WriteRoutes, AnUpsertIsAnsweredInTheApisShapeWithItsReceipt) {
  EXPECT_EQ(answer("POST", kUpsert, R"({"type":"Order","id":"ORD-1","properties":{"v":5420.00}})"),
            R"(200 {"success":true,"object_id":"25d3bf71-5d85-5aec-826d-45d117b06646",)"
            R"("object_type":"Order","external_id":"ORD-1","created":null,)"
            R"("message":"Object 'Order/ORD-1' queued for delivery","queued":true,"receipt":1})");
  EXPECT_EQ(json::parse(ask("POST", kUpsert, R"({"id":"a\"\u00e9","type":"T"})").body),
            json::parse(R"({"success":true,"object_id":"c91d436b-cf98-5d09-9467-4b99a06add61",
                            "object_type":"T","external_id":"a\"é","created":null,
                            "message":"Object 'T/a\"é' queued for delivery","queued":true,
                            "receipt":2})"));
  EXPECT_EQ(everything(vault), R"(1:ORD-1 2:a\"é)");
}

TEST_F(WriteRoutes, AnEventIsAnsweredInTheApisShapeWithAnIdOfItsTime) {
  json body = json::parse(ask("POST", kEvent, kPaid).body);
  EXPECT_TRUE(body["event_id"].get<std::string>().starts_with(kUuidOfNow)) << body["event_id"];
  body.erase("event_id");
  EXPECT_EQ(body, json::parse(R"({"success":true,"event_type":"Paid",
                                  "timestamp":"2025-10-09T08:53:20.000Z","objects_count":1,
                                  "message":"Event 'Paid' queued for delivery","queued":true,
                                  "receipt":1})"));
}

TEST_F(WriteRoutes, AnEventHasItsOwnTimeOrElseThatOfItsAcceptance) {
  ask("POST", kEvent, kPaid);
  EXPECT_EQ(time_of(1), std::string(kNow) + " of the agent");
  ask("POST", kEvent,
      R"({"event":"Paid","objects":[{"type":"Order","id":"1"}],"timestamp":"2024-01-02T03:04:05Z"})");
  EXPECT_EQ(time_of(2), "2024-01-02T03:04:05Z");
}

TEST_F(WriteRoutes, WhileTheClockIsNotSynchronisedTheBootClockIsKeptWithTheTime) {
  clock.is_right = false;
  ask("POST", kEvent, kPaid);
  ask("POST", kEvents, std::string(R"({"events":[)") + kPaid + "]}");
  post(kEvents, "application/x-ndjson", kPaid);
  ask("POST", kEvent,
      R"({"event":"Paid","objects":[{"type":"Order","id":"1"}],"timestamp":"2024-01-02T03:04:05Z"})");
  for (const Receipt stamped : {1U, 2U, 3U}) {
    EXPECT_EQ(time_of(stamped), std::string(kNow) + " of the agent, 7@5000");
  }
  EXPECT_EQ(time_of(4), "2024-01-02T03:04:05Z") << "the application's own is left alone";
}

TEST_F(WriteRoutes, OfABatchTheInvalidItemsAreToldByIndexAndTheOthersAreAccepted) {
  const HttpResponse reply = ask("POST", kUpserts,
                                 R"({"objects":[{"type":"Order"},{"type":"Order","id":"ORD-1"},7,)"
                                 R"({"type":"","id":"x"},{"type":"Order","id":"ORD-2"}]})");
  EXPECT_EQ(reply.status, 200);
  const json body = json::parse(reply.body);
  EXPECT_EQ(body["success"], false);
  EXPECT_EQ(body["processed"], 2);
  EXPECT_EQ(body["failed"], 3);
  EXPECT_EQ(body["queued"], true);
  EXPECT_EQ(body["receipts"], json::parse("[1,2]"));
  ASSERT_EQ(body["objects"].size(), 2U);
  EXPECT_EQ(body["objects"][0], json::parse(R"({"object_id":"25d3bf71-5d85-5aec-826d-45d117b06646",
                            "object_type":"Order","external_id":"ORD-1","created":null})"));
  ASSERT_EQ(body["errors"].size(), 3U);
  EXPECT_EQ(body["errors"][0], "index 0: id: Field required");
  EXPECT_TRUE(body["errors"][1].get<std::string>().starts_with("index 2: "));
  EXPECT_TRUE(body["errors"][2].get<std::string>().starts_with("index 3: type: "));
  EXPECT_EQ(everything(vault), "1:ORD-1 2:ORD-2");
}

TEST_F(WriteRoutes, ABatchOfEventsNamesAnIdForEachThatWasAccepted) {
  const HttpResponse reply = ask("POST", kEvents,
                                 std::string(R"({"events":[)") + kPaid + "," + kPaid +
                                     R"(,{"event":"Paid","objects":"none"}]})");
  const json body = json::parse(reply.body);
  EXPECT_EQ(reply.status, 200);
  ASSERT_EQ(body["event_ids"].size(), 2U);
  EXPECT_NE(body["event_ids"][0], body["event_ids"][1]);
  EXPECT_FALSE(body.contains("objects"));
  EXPECT_EQ(body["receipts"], json::parse("[1,2]"));
  EXPECT_EQ(body["failed"], 1);
}

TEST_F(WriteRoutes, ABatchOfWhichNothingIsValidIsAnsweredWithoutTheOutbox) {
  script.commit_fails = true;
  EXPECT_EQ(answer("POST", kUpserts, R"({"objects":[{"type":"Order"}]})"),
            R"(200 {"success":false,"processed":0,"failed":1,"objects":[],)"
            R"("errors":["index 0: id: Field required"],"queued":true,"receipts":[]})");
  EXPECT_TRUE(script.commit_fails) << "nothing was committed";
}

TEST_F(WriteRoutes, LinesAreABatchWhateverElseTheMediaTypeSays) {
  const std::string lines =
      "{\"type\":\"Order\",\"id\":\"1\"}\n\nnot JSON\r\n"
      "{\"type\":\"Order\",\"id\":\"2\"}";
  Receipt next = 1;
  for (const char* type : {"application/x-ndjson", "application/x-ndjson; charset=utf-8",
                           "application/x-ndjson;a=b", " application/x-ndjson ;q=1",
                           "Application/X-NDJSON", "APPLICATION/X-NDJSON;charset=UTF-8"}) {
    const HttpResponse reply = post(kUpserts, type, lines);
    ASSERT_EQ(reply.status, 200) << type << ' ' << reply.body;
    const json body = json::parse(reply.body);
    EXPECT_EQ(body["receipts"], (json{next, next + 1})) << type;
    ASSERT_EQ(body["errors"].size(), 1U) << type;
    EXPECT_TRUE(body["errors"][0].get<std::string>().starts_with("index 1: not valid JSON"));
    next += 2;
  }
  EXPECT_EQ(text(post(kUpserts, "application/x-ndjson", "\n \r\n")),
            "400 the body is empty; send one JSON object per line");
}

TEST_F(WriteRoutes, WhatIsNotLinesIsReadAsJsonWhateverTheMediaTypeSays) {
  Receipt next = 1;
  for (const char* type :
       {"", "text/plain", "application/x-www-form-urlencoded", "text/plain;a=application/x-ndjson",
        "application/x-ndjsonish", "not-application/x-ndjson", ";application/x-ndjson"}) {
    const HttpResponse reply =
        post(kUpserts, type, "{\"objects\":[\n{\"type\":\"Order\",\"id\":\"1\"}\n]}");
    ASSERT_EQ(reply.status, 200) << type << ' ' << reply.body;
    EXPECT_EQ(json::parse(reply.body)["failed"], 0) << type << ' ' << reply.body;
    EXPECT_EQ(json::parse(reply.body)["receipts"], json::array({next++})) << type;
  }
  EXPECT_EQ(post(kUpsert, "application/x-ndjson", R"({"type":"Order","id":"1"})").status, 200)
      << "a single write has one line at most";
}

TEST_F(WriteRoutes, ABodyThatIsNotJsonIsABadRequestWithThePlace) {
  for (const char* path : {kUpsert, kUpserts, kEvent, kEvents}) {
    EXPECT_EQ(answer("POST", path), "400 the body is empty; send a JSON object") << path;
    EXPECT_TRUE(answer("POST", path, R"({"type":)").starts_with("400 not valid JSON at byte 8: "))
        << answer("POST", path, R"({"type":)");
    EXPECT_EQ(ask("POST", path, "{} {}").status, 400) << path;
    EXPECT_EQ(ask("POST", path, std::string("\0", 1)).status, 400) << path;
    EXPECT_EQ(ask("POST", path, "{\"type\":\"\xff\"}").status, 400) << path;
    EXPECT_EQ(ask("POST", path, std::string(100'000, '[')).status, 400) << path;
    EXPECT_EQ(ask("POST", path, "type=Order&id=1").status, 400) << path;
  }
  EXPECT_EQ(vault.stats().accepted, 0U);
}

TEST_F(WriteRoutes, ABodyThatTheApiWouldRefuseIsUnprocessableWithThePlaceOfEachFault) {
  EXPECT_EQ(answer("POST", kUpsert, R"({"type":"Order"})"),
            R"(422 [{"loc":["body","id"],"msg":"Field required","type":"missing"}])");
  EXPECT_EQ(answer("POST", kUpserts, "{}"),
            R"(422 [{"loc":["body","objects"],"msg":"Field required","type":"missing"}])");
  EXPECT_EQ(answer("POST", kUpserts, R"({"objects":[]})"),
            R"(422 [{"loc":["body","objects"],"msg":"List should have at least 1 item after )"
            R"(validation, not 0","type":"too_short"}])");
  EXPECT_EQ(answer("POST", kEvents, R"({"events":{}})"),
            R"(422 [{"loc":["body","events"],"msg":"Input should be a valid list",)"
            R"("type":"list_type"}])");
  EXPECT_EQ(ask("POST", kEvent, R"({"event":"Paid"})").status, 422);
  EXPECT_EQ(ask("POST", kEvent, "[]").status, 422);
  EXPECT_EQ(vault.stats().accepted, 0U);
}

TEST_F(WriteRoutes, WhenTheOutboxIsFullTheAnswerSaysWhenToComeAgain) {
  while (upsert("filling", 1000).starts_with("200 ")) continue;
  const HttpResponse reply =
      ask("POST", kUpsert,
          R"({"type":"Order","id":"1","properties":{"x":")" + std::string(1000, 'x') + "\"}}");
  EXPECT_EQ(text(reply),
            "507 the outbox is full (outbox.max_size); it accepts more once some of it has been "
            "delivered");
  EXPECT_EQ(reply.retry_after_seconds, 30);
  EXPECT_EQ(json::parse(ask("GET", "/agent/v1/status").body)["outbox"]["state"], "full");
  deliver({1, 2});
  EXPECT_EQ(upsert("1", 1000).substr(0, 4), "200 ") << "there is room again";
}

TEST_F(WriteRoutes, WhenTheDiskIsFullTheAnswerSaysWhenToComeAgain) {
  script.append_is_full = true;
  const HttpResponse reply = ask("POST", kUpserts, R"({"objects":[{"type":"Order","id":"1"}]})");
  EXPECT_EQ(text(reply), "507 disk is full");
  EXPECT_EQ(reply.retry_after_seconds, 30);
  EXPECT_EQ(everything(vault), "");
}

TEST_F(WriteRoutes, WhenTheDiskFailsNothingIsAcceptedAndTheAnswerSaysSo) {
  script.commit_fails = true;
  const HttpResponse reply = ask("POST", kEvent, kPaid);
  EXPECT_EQ(text(reply), "503 disk I/O error");
  EXPECT_EQ(reply.retry_after_seconds, 0);
  script.reopen_fails = true;
  script.append_fails = true;
  EXPECT_EQ(upsert("1", 1), "503 disk I/O error");
  EXPECT_EQ(upsert("1", 1), "503 still broken");
  EXPECT_EQ(json::parse(ask("GET", "/agent/v1/status").body)["outbox"]["state"], "failed");
  script.reopen_fails = false;
  EXPECT_EQ(json::parse(ask("POST", kEvent, kPaid).body)["receipt"], 1) << "none was accepted";
}

TEST_F(WriteRoutes, WhatNoOutboxOfThisSizeHasRoomForIsTooLarge) {
  EXPECT_EQ(upsert("1", kQuotaBytes).substr(0, 4), "413 ");
  std::string lines;
  while (lines.size() < 4 * kQuotaBytes) lines += "{\"type\":\"Order\",\"id\":\"1\"}\n";
  EXPECT_EQ(post(kUpserts, "application/x-ndjson", lines).status, 413) << "all of it or nothing";
  EXPECT_EQ(everything(vault), "");
  EXPECT_EQ(upsert("1", 1).substr(0, 4), "200 ") << "what is smaller is welcome";
}

TEST_F(WriteRoutes, MoreItemsThanOneRequestMayCarryAreRefusedWhole) {
  constexpr std::size_t kTooMany = Decoder::kMaxBatchItems + 1;
  std::string items;
  for (std::size_t i = 0; i < kTooMany; ++i) items += "{},\n";
  EXPECT_EQ(ask("POST", kUpserts, R"({"objects":[)" + items + "{}]}").status, 422);
  EXPECT_EQ(post(kUpserts, "application/x-ndjson", items).status, 413);
}

TEST_F(WriteRoutes, WhileTheAgentStopsAWriteIsUnavailable) {
  vault.stop();
  EXPECT_EQ(upsert("1", 1).substr(0, 4), "503 ");
  EXPECT_EQ(ask("GET", "/agent/v1/receipts/1").status, 503);
}

}  // namespace
}  // namespace flowmyna::test
