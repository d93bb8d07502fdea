#include "agent/reports.h"

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
  const json outbox = json::parse(status_json(some))["outbox"];
  EXPECT_EQ(outbox["pending"], 3);
  EXPECT_EQ(outbox["lost"], 3);
  EXPECT_EQ(outbox["lost_is_exact"], false);
  EXPECT_EQ(outbox["damaged_file"], "/var/lib/x.damaged");
  const std::string metrics = metrics_text(some);
  EXPECT_NE(metrics.find("\nflowmyna_agent_lost_total 3"), std::string::npos);
  EXPECT_NE(metrics.find("\nflowmyna_agent_damaged_files 1"), std::string::npos);
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
