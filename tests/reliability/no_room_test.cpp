// An outbox is damaged, and the disk has no room for what can be read of it a second time: it is
// delivered from where it stands, the state says why nothing is accepted, and once there is room
// everything works without anybody's help.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>

#include "reliability/campaign.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEvents = "/api/public/v1/event/batch";
constexpr const char* kBatch = "/api/public/v1/object/batch";
constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kRefused = R"([{"fault":"refused"}])";
constexpr int kObjects = 20'000;

class NoRoom : public testing::Test {
 protected:
  /// A backlog of more than 20 MiB, in which a page is damaged while no agent runs.
  void SetUp() override {
    NEEDS_LOOP_DISK();
    site.emplace();
    rig().set_faults(kRefused);
    rig().start_agent();
  }
  /// Upserts, or events, a kilobyte each.
  void fill_and_damage(bool has_events) {
    for (int first = 0; first < kObjects; first += 1000) {
      std::string lines;
      for (int i = first; i < first + 1000; ++i) {
        const std::string object = R"({"type":"T","id":")" + std::to_string(i) +
                                   R"(","properties":{"v":")" + std::string(1000, 'v') + "\"}}";
        lines += has_events
                     ? R"({"event":"E)" + std::to_string(i) + R"(","objects":[)" + object + "]}\n"
                     : object + '\n';
      }
      const HttpReply reply =
          rig().post(has_events ? kEvents : kBatch, lines, {"Content-Type: application/x-ndjson"});
      ASSERT_EQ(reply.status, 200) << reply.body;
    }
    ASSERT_EQ(rig().stop_agent(), 0);
    ASSERT_GT(fs::file_size(rig().outbox_file()), 20U << 20);
    std::fstream file(rig().outbox_file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3000 * 4096);
    file << std::string(4096, 'x');
  }
  Rig& rig() { return site->rig; }
  void damage_oldest_row() {
    sqlite3* connection = nullptr;
    sqlite3_open(rig().outbox_file().c_str(), &connection);
    EXPECT_EQ(sqlite3_exec(connection, "UPDATE operation SET row = X'00' WHERE seq = 1", nullptr,
                           nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(connection);
  }
  /// Fills the disk but for so much.
  void leave_room(int mebibytes) {
    site->disk.fill();
    const fs::path theirs = fs::path(rig().outbox_file()).parent_path() / "somebody-elses";
    const auto size = fs::file_size(theirs);
    fs::resize_file(theirs, size - std::min<std::uintmax_t>(size, std::uintmax_t(mebibytes) << 20));
  }
  /// Nobody asks the agent for anything until it has delivered everything and given the space back.
  void expect_recovery() {
    rig().wait_until("the outbox is drained and small", [&] {
      std::error_code error;
      return fs::file_size(rig().outbox_file(), error) < (1U << 20) && !error;
    });
    rig().wait_until("it accepts again", [&] { return write_one() == 200; });
    rig().drain();
  }
  int write_one() { return rig().post(kUpsert, R"({"type":"T","id":"late"})").status; }
  std::string failure() {
    const Json outbox = rig().status()["outbox"];
    EXPECT_EQ(outbox["state"], "failed") << outbox;
    return outbox["last_error"].is_string() ? outbox["last_error"].get<std::string>() : "";
  }
  void expect_all_but_a_page_delivered() {
    const Json status = rig().status();
    const int lost = status["outbox"]["lost"].get<int>();
    EXPECT_GT(lost, 0) << status;
    EXPECT_LT(lost, 10) << status;
    EXPECT_EQ(status["outbox"]["lost_is_exact"], true) << status;
    EXPECT_EQ(rig().sim("/sim/counts")["objects"].get<int>(), kObjects - lost) << status;
  }
  std::optional<Site> site;
};

TEST_F(NoRoom, WhatCanBeReadIsDeliveredFromWhereItStandsAndNothingIsAcceptedMeanwhile) {
  fill_and_damage(false);
  damage_oldest_row();  // which is found at the start
  leave_room(9);
  rig().start_agent();
  const std::string words = failure();
  EXPECT_NE(words.find("no room on the disk"), std::string::npos) << words;
  EXPECT_EQ(write_one(), 503);
  EXPECT_EQ(rig().status()["outbox"]["pending"], kObjects);
  rig().clear_faults();
  rig().post("/agent/v1/flush", "");
  rig().drain();
  expect_all_but_a_page_delivered();
  expect_recovery();
}

TEST_F(NoRoom, WhatIsStillInTheDamagedFileIsNotLeftOutOfAnExport) {
  fill_and_damage(false);
  damage_oldest_row();
  leave_room(9);
  rig().start_agent();
  ASSERT_EQ(rig().post("/agent/v1/pause", "").status, 200);
  const HttpReply refused = rig().post("/agent/v1/exports", "");
  EXPECT_NE(refused.status, 200);
  EXPECT_NE(refused.body.find("still in the damaged file"), std::string::npos) << refused.body;
  // This disk is too small for two of it, so the rest comes out as room is delivered free.
  rig().clear_faults();
  ASSERT_EQ(rig().post("/agent/v1/resume", "").status, 200);
  rig().drain();
  ASSERT_EQ(rig().post("/agent/v1/pause", "").status, 200);
  rig().wait_until("all of it is there",
                   [&] { return rig().post("/agent/v1/exports", "").status == 200; });
}

TEST_F(NoRoom, AKilledAgentGoesOnWhereItWas) {
  fill_and_damage(false);
  damage_oldest_row();  // which is found at the start
  leave_room(9);
  rig().start_agent();
  rig().clear_faults();
  rig().post("/agent/v1/flush", "");
  rig().wait_until("some are delivered",
                   [&] { return rig().sim("/sim/counts")["objects"].get<int>() > kObjects / 4; });
  rig().kill_agent();
  rig().start_agent();
  rig().post("/agent/v1/flush", "");
  rig().drain();
  expect_all_but_a_page_delivered();
}

/// Found while much is planned and on its way.
TEST_F(NoRoom, NoEventIsSentTwiceForIt) {
  fill_and_damage(true);
  leave_room(6);
  rig().start_agent();
  rig().clear_faults();
  rig().post("/agent/v1/flush", "");
  rig().drain();
  const Json status = rig().status();
  EXPECT_TRUE(status["outbox"]["damaged_file"].is_string()) << status;
  EXPECT_EQ(status["delivery"]["duplicates_possible"], 0) << status;
  std::set<std::string> names;
  const Json events = rig().sim("/sim/state")["events"];
  for (const Json& event : events) names.insert(event["event"].get<std::string>());
  EXPECT_EQ(events.size(), names.size()) << "some came twice";
  const auto lost = status["outbox"]["lost"].get<std::size_t>();
  const auto dead = status["outbox"]["dead_letters"].get<std::size_t>();
  EXPECT_EQ(names.size() + lost + dead, static_cast<std::size_t>(kObjects)) << status;
}

TEST_F(NoRoom, WithoutAnyTheDamagedFileIsLeftAsItIsUntilThereIsSome) {
  fill_and_damage(false);
  damage_oldest_row();
  leave_room(0);
  const auto time = fs::last_write_time(rig().outbox_file());
  rig().start_agent();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(write_one(), 503);
  const std::string words = failure();
  EXPECT_NE(words.find("no room"), std::string::npos) << words;
  EXPECT_EQ(fs::last_write_time(rig().outbox_file()), time);
  EXPECT_FALSE(fs::exists(rig().outbox_file() + ".salvage"));
  rig().clear_faults();
  site->disk.make_room();
  expect_recovery();
  EXPECT_EQ(rig().status()["outbox"]["state"], "ok");
  EXPECT_GT(rig().sim("/sim/counts")["objects"].get<int>(), kObjects - 10);
}

}  // namespace
}  // namespace flowmyna::test
