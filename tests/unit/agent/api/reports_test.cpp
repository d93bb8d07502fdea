#include "agent/api/reports.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace flowmyna::test {
namespace {

using nlohmann::json;

// The agent has run for a minute at 2026-01-31T12:00:00Z, an hour after the machine was booted.
Snapshot snapshot() {
  Snapshot out;
  out.unix_now_ms = 1'769'860'800'000;
  out.boot_now = std::chrono::hours(1);
  out.uptime = std::chrono::seconds(60);
  return out;
}

std::optional<std::int64_t> age_of_one_accepted_at(std::int64_t unix_s, bool is_of_this_run) {
  Snapshot some = snapshot();
  some.oldest_unix_s = unix_s;
  some.oldest_is_of_this_run = is_of_this_run;
  const auto age = oldest_age(some);
  return age ? std::optional(age->count()) : std::nullopt;
}

TEST(Reports, TheAgeOfTheOldestOperationIsNeverNegativeOrLongerThanTheRunThatAcceptedIt) {
  const std::int64_t now = snapshot().unix_now_ms / 1000;
  EXPECT_EQ(age_of_one_accepted_at(now - 50, true), 50);
  EXPECT_EQ(age_of_one_accepted_at(now - 500, true), 60);  // the clock was set forward meanwhile
  EXPECT_EQ(age_of_one_accepted_at(0, true), 60);
  EXPECT_EQ(age_of_one_accepted_at(now + 500, true), 0);  // and back
  EXPECT_EQ(age_of_one_accepted_at(now - 500, false), 500);
  EXPECT_EQ(age_of_one_accepted_at(now + 500, false), 0);
  EXPECT_EQ(oldest_age(snapshot()), std::nullopt);
}

TEST(Reports, TheLastSuccessIsToldByTheWallClockAsItIsNow) {
  Snapshot some = snapshot();
  some.delivery.last_success_at = some.boot_now - std::chrono::seconds(90);
  EXPECT_EQ(json::parse(status_json(some))["delivery"]["last_success"], "2026-01-31T11:58:30.000Z");
}

TEST(Reports, WhatWasLostAndWhichFileWasDamagedStandInStatusAndMetrics) {
  Snapshot some = snapshot();
  EXPECT_TRUE(json::parse(status_json(some))["outbox"]["damaged_file"].is_null());
  some.outbox.accepted = 10;
  some.outbox.delivered = 4;
  some.outbox.lost = 3;
  some.outbox.lost_is_exact = false;
  some.outbox.damaged_file = "/var/lib/x.damaged";
  some.outbox.epoch = 2;
  const json outbox = json::parse(status_json(some))["outbox"];
  EXPECT_EQ(outbox["pending"], 3);
  EXPECT_EQ(outbox["lost"], 3);
  EXPECT_EQ(outbox["lost_is_exact"], false);
  EXPECT_EQ(outbox["damaged_file"], "/var/lib/x.damaged");
  const std::string metrics = metrics_text(some);
  EXPECT_NE(metrics.find("\nflowmyna_agent_lost_total 3"), std::string::npos);
  EXPECT_NE(metrics.find("\nflowmyna_agent_damaged_files 1"), std::string::npos);
  EXPECT_NE(metrics.find("\nflowmyna_agent_outbox_epoch 2"), std::string::npos);
}

TEST(Reports, TheOldestThatIsStuckStandsInTheStatusWithItsAnswer) {
  Snapshot some = snapshot();
  EXPECT_EQ(json::parse(status_json(some))["delivery"]["stuck"],
            json::parse(R"({"operations":0,"oldest_receipt":null,"oldest_for_seconds":null,
                            "attempts":null,"status":null,"last_error":null})"));
  some.delivery.stuck_operations = 3;
  some.delivery.oldest_stuck = StuckItem{
      {42, 44}, 17, 500, "HTTP 500: boom", std::chrono::milliseconds(7'900), std::chrono::hours(1)};
  EXPECT_EQ(json::parse(status_json(some))["delivery"]["stuck"],
            json::parse(R"({"operations":3,"oldest_receipt":42,"oldest_for_seconds":7,
                            "attempts":17,"status":500,"last_error":"HTTP 500: boom"})"));
  some.delivery.oldest_stuck->status = 0;
  EXPECT_TRUE(json::parse(status_json(some))["delivery"]["stuck"]["status"].is_null());
  EXPECT_NE(metrics_text(some).find("\nflowmyna_agent_stuck_operations 3"), std::string::npos);
}

TEST(Reports, EachEndpointTellsHowItDoes) {
  Snapshot some = snapshot();
  some.delivery.endpoints[1] = {DeliveryState::kUnauthorized, std::chrono::milliseconds(1'500),
                                "HTTP 403"};
  EXPECT_EQ(json::parse(status_json(some))["delivery"]["endpoints"],
            json::parse(R"({"object":{"state":"delivering","next_attempt_in_seconds":null,
                                      "last_error":null},
                            "event":{"state":"unauthorized","next_attempt_in_seconds":1.5,
                                     "last_error":"HTTP 403"}})"));
  const std::string metrics = metrics_text(some);
  const std::string series = "\nflowmyna_agent_endpoint_state{endpoint=";
  for (const char* line : {R"("object",state="delivering"} 1)", R"("event",state="delivering"} 0)",
                           R"("event",state="unauthorized"} 1)"}) {
    EXPECT_NE(metrics.find(series + line), std::string::npos) << line;
  }
}

TEST(Reports, WhatWasSentAgainAndIsNotSettledYetMayBeADuplicateAlready) {
  Snapshot some = snapshot();
  some.outbox.duplicates_possible = 5;
  some.delivery.duplicates_unsettled = 2;
  EXPECT_EQ(json::parse(status_json(some))["delivery"]["duplicates_possible"], 7);
  EXPECT_NE(metrics_text(some).find("\nflowmyna_agent_duplicates_possible_total 7"),
            std::string::npos);
}

TEST(Reports, EachCounterIsToldByItsNameInStatusAndMetrics) {
  Snapshot some = snapshot();
  some.outbox.accepted = 28;
  std::uint64_t value = 0;
  for (const auto counter :
       {&Counters::delivered, &Counters::dead, &Counters::dropped, &Counters::lost}) {
    some.outbox.*counter = ++value;
  }
  some.outbox.coalesced = 5;
  some.outbox.requests = 6;
  some.outbox.duplicates_possible = 7;
  const std::string status = status_json(some);
  EXPECT_NE(status.find(R"("accepted":28,"delivered":1,"dropped":3,"coalesced":5,"requests":6,)"
                        R"("duplicates_possible":7,"stuck":)"),
            std::string::npos)
      << status;
  const json outbox = json::parse(status)["outbox"];
  EXPECT_EQ(outbox["dead_letters"], 2);
  EXPECT_EQ(outbox["lost"], 4);
  const std::string metrics = metrics_text(some);
  for (const char* line :
       {"# TYPE flowmyna_agent_lost_total counter", "flowmyna_agent_accepted_total 28",
        "flowmyna_agent_delivered_total 1", "flowmyna_agent_dropped_total 3",
        "flowmyna_agent_lost_total 4", "flowmyna_agent_coalesced_total 5",
        "flowmyna_agent_requests_total 6", "flowmyna_agent_duplicates_possible_total 7",
        "# TYPE flowmyna_agent_dead_letters gauge", "flowmyna_agent_dead_letters 2"}) {
    EXPECT_NE(metrics.find("\n" + std::string(line)), std::string::npos) << line;
  }
  EXPECT_EQ(metrics.find("flowmyna_agent_dead_total"), std::string::npos);
}

TEST(Reports, AMissingKeyAndARefusalOfEverythingHaveNamesOfTheirOwn) {
  Snapshot some = snapshot();
  for (const auto& [state, name] : {std::pair(DeliveryState::kNoKey, "no_key"),
                                    std::pair(DeliveryState::kRefused, "refused")}) {
    some.delivery.state = state;
    EXPECT_EQ(json::parse(status_json(some))["delivery"]["state"], name);
    EXPECT_EQ(json::parse(health_answer(some).body)["agent"]["state"], name);
    EXPECT_NE(metrics_text(some).find("flowmyna_agent_delivery_state{state=\"" + std::string(name) +
                                      "\"} 1"),
              std::string::npos);
  }
}

TEST(Reports, TheAgeOfAHealthAnswerIsToldByTheBootClock) {
  Snapshot some = snapshot();
  some.delivery.health_body = R"({"status":"healthy"})";
  some.delivery.health_at = some.boot_now - std::chrono::milliseconds(7'900);
  some.unix_now_ms = 0;
  const json body = json::parse(health_answer(some).body);
  EXPECT_EQ(body["age_seconds"], 7);
  EXPECT_EQ(body["status"], "healthy");
}

}  // namespace
}  // namespace flowmyna::test
