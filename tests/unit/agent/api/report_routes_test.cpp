// What the agent tells of itself and of an operation: status, health, metrics, receipts.

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "router_bench.h"
#include "tests/unit/outbox/scripted_storage.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

/// Made before the rest, so that it outlives it.
struct Scripted {
  Script script;
};

class ReportRoutes : protected Scripted, public RouterBench {
 protected:
  ReportRoutes() : RouterBench(std::make_unique<ScriptedStorage>(script, kQuotaBytes)) {}

  json status() {
    const HttpResponse reply = ask("GET", "/agent/v1/status");
    EXPECT_EQ(reply.status, 200);
    EXPECT_STREQ(reply.content_type, "application/json");
    return json::parse(reply.body);
  }
  json oldest_age() { return status()["outbox"]["oldest_age_seconds"]; }
  void pass(std::chrono::seconds time) {
    clock.boot += time;
    clock.unix_ms += std::chrono::milliseconds(time).count();
  }
  /// Receipts 1 to 5: delivered, dead, dropped, pending, pending.
  void write_one_of_each() {
    for (const char* id : {"1", "2", "3", "4", "5"}) write("Order", id, "{}");
    deliver({1});
    bury({2}, 422, "no such tier");
    ASSERT_EQ(ask("DELETE", "/agent/v1/pending/3").status, 200);
  }

  static constexpr std::uint64_t kQuotaBytes = 1U << 20;
};

TEST_F(ReportRoutes, TheStatusHasAllThatIsPromisedFromTheStart) {
  pass(std::chrono::seconds(61));
  json now = status();
  EXPECT_FALSE(now["version"].get<std::string>().empty());
  now.erase("version");
  EXPECT_EQ(now, json::parse(R"({
    "uptime_seconds": 61,
    "outbox": {"state": "ok", "last_error": null, "pending": 0, "oldest_age_seconds": null,
               "size_bytes": 0, "quota_bytes": 1048576, "lost": 0, "lost_is_exact": true,
               "damaged_file": null, "epoch": 0, "doubtful_through": 0, "dead_letters": 0},
    "delivery": {"state": "idle", "next_attempt_in_seconds": null, "last_success": null,
                 "last_error": null, "accepted": 0, "delivered": 0, "dropped": 0, "coalesced": 0,
                 "requests": 0, "duplicates_possible": 0,
                 "stuck": {"operations": 0, "oldest_receipt": null, "oldest_for_seconds": null,
                           "attempts": null, "status": null, "last_error": null},
                 "endpoints": {
                   "object": {"state": "delivering", "next_attempt_in_seconds": null,
                              "last_error": null},
                   "event": {"state": "delivering", "next_attempt_in_seconds": null,
                             "last_error": null}}}})"));
}

TEST_F(ReportRoutes, TheStatusCountsWhereEachOperationIs) {
  write_one_of_each();
  const json now = status();
  EXPECT_EQ(now["outbox"]["pending"], 2);
  EXPECT_EQ(now["outbox"]["dead_letters"], 1);
  EXPECT_GT(now["outbox"]["size_bytes"], 0);
  EXPECT_EQ(now["delivery"]["accepted"], 5);
  EXPECT_EQ(now["delivery"]["delivered"], 1);
  EXPECT_EQ(now["delivery"]["dropped"], 1);
}

TEST_F(ReportRoutes, TheStatusSaysWhatDeliverySays) {
  delivery.told.state = DeliveryState::kBackingOff;
  delivery.told.next_attempt_in = std::chrono::milliseconds(2'500);
  delivery.told.last_error = "no route to \"host\"";
  pass(std::chrono::seconds(30));
  delivery.told.last_success_at = clock.boot - std::chrono::seconds(10);
  delivery.told.duplicates_unsettled = 3;
  const json now = status()["delivery"];
  EXPECT_EQ(now["state"], "backing_off");
  EXPECT_EQ(now["next_attempt_in_seconds"], 2.5);
  EXPECT_EQ(now["last_error"], "no route to \"host\"");
  EXPECT_EQ(now["last_success"], "2025-10-09T08:53:40.000Z");
  EXPECT_EQ(now["duplicates_possible"], 3);
}

TEST_F(ReportRoutes, TheOldestAgeIsOfWhatWaitsAndGoesWithIt) {
  write("Order", "1", "{}");
  pass(std::chrono::seconds(40));
  write("Order", "2", "{}");
  pass(std::chrono::seconds(50));
  EXPECT_EQ(oldest_age(), 90);
  deliver({1});
  EXPECT_EQ(oldest_age(), 50);
  bury({2}, 422, "no");
  EXPECT_EQ(oldest_age(), json(nullptr)) << "a dead letter waits for a person";
}

TEST_F(ReportRoutes, WhatAnEarlierRunAcceptedMayBeOlderThanThisOne) {
  write("Order", "1", "{}");
  pass(std::chrono::hours(1));
  restart();
  pass(std::chrono::seconds(5));
  EXPECT_EQ(oldest_age(), 3605);
  EXPECT_EQ(status()["uptime_seconds"], 5);
  write("Order", "2", "{}");
  deliver({1});
  clock.unix_ms += 3'600'000;  // it is set
  pass(std::chrono::seconds(2));
  EXPECT_EQ(oldest_age(), 7) << "this run accepted it, so it is no older";
}

TEST_F(ReportRoutes, TheStatusIsToldThoughTheOutboxCannotBeRead) {
  write("Order", "1", "{}");
  script.reopen_fails = true;
  script.commit_fails = true;
  EXPECT_EQ(answer("DELETE", "/agent/v1/pending/1"), "503 disk I/O error");
  EXPECT_EQ(answer("GET", "/agent/v1/pending"), "503 still broken");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/1"), "503 still broken");
  EXPECT_EQ(answer("GET", "/agent/v1/dead-letters"), "503 still broken");
  const json now = status()["outbox"];
  EXPECT_EQ(now["state"], "failed");
  EXPECT_EQ(now["last_error"], "still broken");
  EXPECT_EQ(now["pending"], 1);
  EXPECT_EQ(now["oldest_age_seconds"], json(nullptr));
  EXPECT_EQ(ask("GET", "/metrics").status, 200);
}

TEST_F(ReportRoutes, HealthIsUnavailableUntilTheApiHasAnswered) {
  const HttpResponse reply = ask("GET", "/api/public/v1/health");
  EXPECT_EQ(text(reply), "503 the API has not been reached yet: trying");
  EXPECT_EQ(reply.retry_after_seconds, 5);
  EXPECT_EQ(json::parse(reply.body)["agent"]["state"], "idle");
  delivery.told.last_error = "no route";
  EXPECT_EQ(answer("GET", "/api/public/v1/health"),
            "503 the API has not been reached yet: no route");
}

TEST_F(ReportRoutes, HealthIsTheApisOwnAnswerWithItsAge) {
  write("Order", "1", "{}");
  delivery.told.health_body = R"({"status":"healthy","organization":"Acme"})";
  delivery.told.health_at = clock.boot;
  delivery.told.stuck_operations = 4;
  pass(std::chrono::seconds(7));
  const HttpResponse reply = ask("GET", "/api/public/v1/health");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.retry_after_seconds, 0);
  json body = json::parse(reply.body);
  EXPECT_FALSE(body["agent"]["version"].get<std::string>().empty());
  body["agent"].erase("version");
  EXPECT_EQ(body, json::parse(R"({"status":"healthy","organization":"Acme","age_seconds":7,
                                  "agent":{"state":"idle","pending":1,"stuck":4}})"));
}

TEST_F(ReportRoutes, OnlyHealthAsksForANewAnswerOfTheApi) {
  ask("GET", "/agent/v1/status");
  ask("GET", "/metrics");
  EXPECT_EQ(delivery.asked, "");
  ask("GET", "/api/public/v1/health?x=%zz");
  EXPECT_EQ(delivery.asked, "refresh");
}

TEST_F(ReportRoutes, MetricsAreThePrometheusTextFormat) {
  write_one_of_each();
  pass(std::chrono::seconds(9));
  const HttpResponse reply = ask("GET", "/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_STREQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"flowmyna_agent_accepted_total 5", "flowmyna_agent_delivered_total 1",
        "flowmyna_agent_dropped_total 1", "flowmyna_agent_dead_letters 1",
        "flowmyna_agent_pending 2", "flowmyna_agent_uptime_seconds 9",
        "flowmyna_agent_oldest_age_seconds 9", "flowmyna_agent_outbox_quota_bytes 1048576",
        "flowmyna_agent_outbox_state{state=\"ok\"} 1",
        "flowmyna_agent_delivery_state{state=\"idle\"} 1"}) {
    EXPECT_NE(reply.body.find("\n" + std::string(line) + "\n"), std::string::npos) << line;
  }
  std::istringstream lines(reply.body);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(line.starts_with("# ") || line.starts_with("flowmyna_agent_")) << line;
  }
}

TEST_F(ReportRoutes, AReceiptSaysWhereItsOperationIs) {
  write_one_of_each();
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/1"), R"(200 {"receipt":1,"state":"delivered"})");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/2"),
            R"(200 {"receipt":2,"state":"dead","dead_letter":2,"reason":"no such tier",)"
            R"("status":422})");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/3"), R"(200 {"receipt":3,"state":"dropped"})");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/4"), R"(200 {"receipt":4,"state":"pending"})");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/6"), "404 no operation has receipt 6");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/0004"), R"(200 {"receipt":4,"state":"pending"})");
}

TEST_F(ReportRoutes, AReceiptInADeadLetterOfSeveralNamesTheLetter) {
  write("Order", "1", R"({"a":1})");
  write("Order", "1", R"({"a":2})");
  bury({1, 2}, 0, "outcome unknown");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/2"),
            R"(200 {"receipt":2,"state":"dead","dead_letter":1,"reason":"outcome unknown",)"
            R"("status":null})");
}

TEST_F(ReportRoutes, WhatIsNoReceiptIsNotFound) {
  write("Order", "1", "{}");
  for (const char* bad : {"abc", "0", "000", "-1", "+1", "1x", "1.0", "1e0", "0x1", "%31", "1%00",
                          "*", " 1", "18446744073709551616", "99999999999999999999999999"}) {
    EXPECT_EQ(answer("GET", std::string("/agent/v1/receipts/") + bad),
              "404 a receipt is a number, as given in the answer to a write")
        << bad;
  }
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/18446744073709551615"),
            "404 no operation has receipt 18446744073709551615");
}

}  // namespace
}  // namespace flowmyna::test
