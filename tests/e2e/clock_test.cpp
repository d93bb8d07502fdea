// A machine without a battery for its clock: it starts in the past, and learns the time later.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "core/timestamp.h"
#include "e2e/child_process.h"
#include "e2e/clock_file.h"
#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr const char* kEvent = "/api/public/v1/event";
constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr std::int64_t kYearMs = 365LL * 24 * 3600 * 1000;
constexpr std::int64_t kRoundingMs = 2;
constexpr const char* kAtOnce = "delivery.dead_letter_after = \"0s\"\n";

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// An agent on a machine whose clock the test sets.
class ClockTest : public testing::Test {
 protected:
  ClockTest() {
    const std::string path = rig.directory() + "/clock";
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT, 0600);
    EXPECT_EQ(ftruncate(descriptor, sizeof(ClockFile)), 0);
    void* memory =
        mmap(nullptr, sizeof(ClockFile), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    EXPECT_NE(memory, MAP_FAILED);
    close(descriptor);
    clock = static_cast<ClockFile*>(memory);
    rig.set_launch({}, {{"LD_PRELOAD", FLOWMYNA_CLOCK_SHIM},
                        {kClockFileVariable, path},
                        {kBootIdFileVariable, boot_id_file()}});
    boot("11111111-1111-4111-8111-111111111111");
  }
  ~ClockTest() override { munmap(clock, sizeof(ClockFile)); }

  /// The machine starts, in 1970.
  void boot(const std::string& id) {
    std::ofstream(boot_id_file()) << id << '\n';
    clock->is_synchronised = false;
    clock->wall_off_by_ms = 3'600'000 - now_ms();
  }
  void synchronise() {
    clock->wall_off_by_ms = 0;
    clock->is_synchronised = true;
  }

  /// Accepts an event without a timestamp, and notes between which times that was.
  void accept_event(const std::string& name) {
    const std::int64_t before = now_ms();
    const auto reply = rig.post(
        kEvent, R"({"event":")" + name + R"(","objects":[{"type":"T","id":")" + name + R"("}]})");
    ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
    accepted_[name] = {before, now_ms()};
  }
  void expect_right_time(const std::string& name, const std::string& timestamp) {
    const auto& [before, after] = accepted_.at(name);
    EXPECT_GE(timestamp, iso8601_utc(before - kRoundingMs)) << name;
    EXPECT_LE(timestamp, iso8601_utc(after + kRoundingMs)) << name;
  }
  /// The timestamps of what waits in the agent, or of what the API has, by the event's name.
  std::map<std::string, std::string> pending_times() {
    return times(Json::parse(rig.get("/agent/v1/pending").body)["pending"]);
  }
  std::map<std::string, std::string> delivered_times() {
    return times(rig.sim("/sim/state")["events"]);
  }
  std::map<std::string, std::string> letter_times() {
    Json items = Json::array();
    const Json letters = Json::parse(rig.get("/agent/v1/dead-letters").body);
    for (const Json& letter : letters["dead_letters"]) items.push_back(letter["item"]);
    return times(items);
  }
  void retry_all() {
    const auto reply = rig.post("/agent/v1/dead-letters/retry", "");
    EXPECT_EQ(reply.status, 200) << reply.body << reply.error;
  }

  Rig rig{{"--log-bodies"}};
  ClockFile* clock = nullptr;

 private:
  std::string boot_id_file() const { return rig.directory() + "/boot_id"; }
  static std::map<std::string, std::string> times(const Json& events) {
    std::map<std::string, std::string> out;
    for (const Json& event : events) {
      if (!event.contains("event")) continue;
      const bool is_new = out.emplace(event["event"], event["timestamp"]).second;
      EXPECT_TRUE(is_new) << event;
    }
    return out;
  }

  std::map<std::string, std::pair<std::int64_t, std::int64_t>> accepted_;
};

TEST_F(ClockTest, EventsOfABootInThePastArriveWithTheRightTimeOnceTheClockIsSynchronised) {
  rig.set_faults(R"([{"fault":"refused"}])");
  rig.start_agent();
  accept_event("In 1970");
  rig.post(kEvent, R"({"event":"Own","timestamp":"1970-01-01T01:00:00Z",)"
                   R"("objects":[{"type":"T","id":"1"}]})");
  rig.post(kUpsert, R"({"type":"T","id":"1"})");
  EXPECT_EQ(pending_times().at("In 1970").substr(0, 4), "1970");
  clock->wall_off_by_ms = 10 * kYearMs;  // a step that is none to the right time
  accept_event("In the future");
  rig.kill_agent();
  rig.start_agent();
  clock->wall_off_by_ms = -10 * kYearMs;
  accept_event("In the past, after kill -9");
  synchronise();
  rig.wait_until("the times are corrected", [&] {
    return pending_times().at("In the past, after kill -9") > iso8601_utc(now_ms() - kYearMs);
  });
  accept_event("In time");
  rig.clear_faults();
  rig.drain();
  const auto arrived = delivered_times();
  ASSERT_EQ(arrived.size(), 5U);
  for (const auto* name : {"In 1970", "In the future", "In the past, after kill -9", "In time"}) {
    expect_right_time(name, arrived.at(name));
  }
  EXPECT_EQ(arrived.at("Own"), "1970-01-01T01:00:00Z");
}

TEST_F(ClockTest, AClockThatIsSynchronisedWhileTheAgentIsDownCorrectsTheEventsOfThisBoot) {
  rig.set_faults(R"([{"fault":"refused"}])");
  rig.start_agent();
  accept_event("In 1970");
  rig.kill_agent();
  synchronise();
  rig.clear_faults();
  rig.start_agent();
  rig.drain();
  expect_right_time("In 1970", delivered_times().at("In 1970"));
}

TEST_F(ClockTest, EventsOfAnotherBootKeepTheTimeThatTheyWereStampedWith) {
  rig.set_faults(R"([{"fault":"refused"}])");
  rig.start_agent();
  accept_event("First boot");
  const std::string stamped = pending_times().at("First boot");
  rig.kill_agent();
  boot("22222222-2222-4222-8222-222222222222");
  rig.start_agent();
  accept_event("Second boot");
  synchronise();
  rig.wait_until("the time is corrected", [&] {
    return pending_times().at("Second boot") > iso8601_utc(now_ms() - kYearMs);
  });
  rig.clear_faults();
  rig.drain();
  EXPECT_EQ(stamped.substr(0, 4), "1970");
  EXPECT_EQ(delivered_times().at("First boot"), stamped);
  expect_right_time("Second boot", delivered_times().at("Second boot"));
}

TEST_F(ClockTest, WhatMayHaveArrivedIsResentByteForByteAndTheRestIsCorrected) {
  rig.set_faults(R"([{"fault":"lost_answer","path":"/event/batch"}])");
  rig.start_agent();
  accept_event("Sent");
  rig.wait_until("it may have arrived", [&] { return !delivered_times().empty(); });
  rig.kill_agent();
  rig.set_faults(R"([{"fault":"refused"}])");
  rig.start_agent();
  accept_event("Waiting");
  synchronise();
  rig.wait_until("the time is corrected",
                 [&] { return pending_times().at("Waiting") > iso8601_utc(now_ms() - kYearMs); });
  rig.clear_faults();
  rig.drain();

  std::map<std::string, std::set<std::string>> bodies;  // by key
  const Json log = rig.sim("/sim/requests");
  std::size_t requests = 0;
  for (const Json& request : log["requests"]) {
    if (!request["key"].is_string()) continue;
    ++requests;
    bodies[request["key"]].insert(request["body"].get<std::string>());
  }
  EXPECT_EQ(bodies.size(), 2U);  // one request each
  EXPECT_GE(requests, 3U);
  for (const auto& [key, copies] : bodies) {
    EXPECT_EQ(copies.size(), 1U) << key;
    const bool was_sent = copies.begin()->find("Sent") != std::string::npos;
    EXPECT_EQ(copies.begin()->find("\"1970-") != std::string::npos, was_sent) << *copies.begin();
  }
}

TEST_F(ClockTest,
       WhatWasRefusedBeforeTheClockWasSynchronisedLeavesWithItsRightTimeWhenItIsRetried) {
  for (const bool is_retried_before : {false, true}) {
    const std::string name = is_retried_before ? "Retried before" : "Retried after";
    boot("11111111-1111-4111-8111-111111111111");
    rig.replace_faults(R"([{"fault":"reject_items","match":{"event":")" + name +
                       R"("},"reason":"no"}])");
    rig.start_agent(kAtOnce);
    accept_event(name);
    rig.drain();
    ASSERT_EQ(letter_times().at(name).substr(0, 4), "1970");
    rig.replace_faults(R"([{"fault":"refused"}])");
    if (is_retried_before) retry_all();
    synchronise();
    rig.wait_until("its time is corrected", [&] {
      const auto times = is_retried_before ? pending_times() : letter_times();
      return times.contains(name) && times.at(name) > iso8601_utc(now_ms() - kYearMs);
    });
    rig.clear_faults();
    if (!is_retried_before) retry_all();
    rig.post("/agent/v1/flush", "");
    rig.drain();
    expect_right_time(name, delivered_times().at(name));
    rig.kill_agent();
  }
}

TEST_F(ClockTest, WhatIsHeldForAPersonLeavesWithItsRightTimeWhenItIsRetried) {
  rig.set_faults(R"([{"fault":"lost_answer","path":"/event/batch"}])");
  rig.start_agent("delivery.on_unknown = \"hold\"\n");
  accept_event("Held");
  rig.drain();
  ASSERT_EQ(letter_times().at("Held").substr(0, 4), "1970");
  synchronise();
  rig.wait_until("its time is corrected",
                 [&] { return letter_times().at("Held") > iso8601_utc(now_ms() - kYearMs); });
  rig.clear_faults();
  const Json before = rig.sim("/sim/state")["events"];
  ASSERT_EQ(before.size(), 1U);
  retry_all();
  rig.drain();
  const Json after = rig.sim("/sim/state")["events"];
  ASSERT_EQ(after.size(), 2U) << "the first one had arrived";
  for (const Json& event : after) {
    if (event["timestamp"] == before[0]["timestamp"]) continue;
    expect_right_time("Held", event["timestamp"]);
  }
}

TEST_F(ClockTest, WhatIsRefusedAfterThePassThatLeftItOutIsCorrectedThen) {
  rig.set_faults(R"([{"fault":"status","status":500,"path":"/event/batch"}])");
  rig.start_agent(kAtOnce);
  accept_event("Sealed");
  rig.wait_until("it was sent", [&] {
    return rig.sim("/sim/requests").dump().find("/event/batch") != std::string::npos;
  });
  synchronise();
  accept_event("In time");
  rig.wait_until("the clock is noticed", [&] {
    return rig.agent().log().find("the clock is synchronised") != std::string::npos;
  });
  ASSERT_EQ(pending_times().at("Sealed").substr(0, 4), "1970") << "it may have left";
  rig.replace_faults(R"([{"fault":"reject_items","match":{"event":"Sealed"},"reason":"no"}])");
  rig.post("/agent/v1/flush", "");
  rig.drain();
  rig.wait_until("its time is corrected",
                 [&] { return letter_times().at("Sealed") > iso8601_utc(now_ms() - kYearMs); });
  rig.clear_faults();
  retry_all();
  rig.drain();
  expect_right_time("Sealed", delivered_times().at("Sealed"));
  expect_right_time("In time", delivered_times().at("In time"));
}

TEST_F(ClockTest, AnExportWaitsForTheRightTimesAndMarksThoseThatNobodyKnows) {
  rig.set_faults(R"([{"fault":"refused"}])");
  rig.start_agent();
  accept_event("In 1970");
  rig.post("/agent/v1/pause", "");
  const std::string file = rig.directory() + "/backlog.ndjson";
  const auto printed_by_export = [&] {
    const std::string log = rig.directory() + "/ctl.log";
    std::filesystem::remove(log);
    ChildProcess ctl({FLOWMYNACTL, "--socket", rig.socket(), "export", "--force", file}, {}, log);
    EXPECT_EQ(ctl.wait(), 0);
    return ctl.log();
  };
  EXPECT_NE(printed_by_export().find("1 of the events were stamped by a clock that was not"),
            std::string::npos);
  synchronise();
  rig.wait_until("the times are corrected",
                 [&] { return printed_by_export().find("by a clock") == std::string::npos; });
  std::ifstream lines(file);
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  expect_right_time("In 1970", Json::parse(line)["event"]["timestamp"]);
}

TEST_F(ClockTest, AClockThatJumpsByYearsMakesNoAgeAbsurd) {
  synchronise();
  rig.start_agent();
  rig.post(kUpsert, R"({"type":"T","id":"1"})");
  rig.drain();
  rig.post("/agent/v1/pause", "");
  rig.post(kUpsert, R"({"type":"T","id":"1"})");
  for (const std::int64_t years : {-20, 0, 20}) {
    clock->wall_off_by_ms = years * kYearMs;
    const Json status = rig.status();
    const auto age = status["outbox"]["oldest_age_seconds"].get<std::int64_t>();
    EXPECT_GE(age, 0);
    EXPECT_LE(age, status["uptime_seconds"].get<std::int64_t>());
    const Json health = Json::parse(rig.get("/api/public/v1/health").body);
    EXPECT_GE(health["age_seconds"].get<std::int64_t>(), 0) << health;
    EXPECT_LE(health["age_seconds"].get<std::int64_t>(),
              rig.status()["uptime_seconds"].get<std::int64_t>());
    const std::string success = status["delivery"]["last_success"];
    const std::int64_t agent_now = now_ms() + years * kYearMs;
    EXPECT_LE(success, iso8601_utc(agent_now + kRoundingMs));
    EXPECT_GT(success, iso8601_utc(agent_now - kYearMs));
  }
}

}  // namespace
}  // namespace flowmyna::test
