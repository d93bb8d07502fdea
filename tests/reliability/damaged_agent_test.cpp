// A real agent whose outbox is damaged while it is down or under it: it goes on, keeps the damaged
// file, delivers what can be read, and says what is lost.

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "reliability/campaign.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUpserts = "/api/public/v1/object/batch";
constexpr const char* kRefused = R"([{"fault":"refused"}])";

class DamagedAgent : public testing::Test {
 protected:
  /// Upserts of so many objects, each with a value of a kilobyte.
  void write(int first, int count) {
    std::string lines;
    for (int i = first; i < first + count; ++i) {
      lines += R"({"type":"T","id":")" + std::to_string(i) + R"(","properties":{"v":")" +
               std::string(1000, 'v') + "\"}}\n";
    }
    const HttpReply reply = rig.post(kUpserts, lines, {"Content-Type: application/x-ndjson"});
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  void write_event(const std::string& name) {
    const HttpReply reply = rig.post(
        "/api/public/v1/event", R"({"event":")" + name + R"(","objects":[{"type":"T","id":"1"}]})");
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  /// Every operation is somewhere, and the file is kept.
  Json expect_sums_and_kept_file() {
    const Json status = rig.status();
    const Json& outbox = status["outbox"];
    const Json& delivery = status["delivery"];
    EXPECT_EQ(delivery["accepted"].get<int>(),
              outbox["pending"].get<int>() + delivery["delivered"].get<int>() +
                  outbox["dead_letters"].get<int>() + delivery["dropped"].get<int>() +
                  outbox["lost"].get<int>())
        << status;
    EXPECT_TRUE(outbox["damaged_file"].is_string()) << status;
    if (outbox["damaged_file"].is_string()) {
      EXPECT_TRUE(fs::exists(outbox["damaged_file"].get<std::string>()));
    }
    return outbox;
  }
  void sql(const std::string& statement) {
    sqlite3* connection = nullptr;
    sqlite3_open(rig.outbox_file().c_str(), &connection);
    char* error = nullptr;
    sqlite3_exec(connection, statement.c_str(), nullptr, nullptr, &error);
    EXPECT_EQ(error, nullptr) << sqlite3_errmsg(connection);
    sqlite3_free(error);
    sqlite3_close(connection);
  }
  std::size_t objects_at_the_api() { return rig.sim("/sim/state")["objects"].size(); }

  Rig rig;
};

TEST_F(DamagedAgent, StartsOnAFileThatWasReplacedByText) {
  rig.set_faults(kRefused);
  rig.start_agent();
  write(0, 10);
  ASSERT_EQ(rig.stop_agent(), 0);
  std::ofstream(rig.outbox_file(), std::ios::trunc) << "no database\n";
  rig.start_agent();
  rig.clear_faults();
  write(100, 5);
  rig.drain();
  EXPECT_EQ(objects_at_the_api(), 5U);
  EXPECT_EQ(expect_sums_and_kept_file()["lost_is_exact"], false);
}

TEST_F(DamagedAgent, GoesOnWithoutItsHeaderAndLosesNothing) {
  rig.set_faults(kRefused);
  rig.start_agent();
  write(0, 200);
  ASSERT_EQ(rig.stop_agent(), 0);  // else the header would be in the log as well
  std::fstream(rig.outbox_file(), std::ios::in | std::ios::out | std::ios::binary)
      << std::string(100, '\0');
  rig.start_agent();
  rig.clear_faults();
  rig.drain();
  EXPECT_EQ(objects_at_the_api(), 200U);
  const Json outbox = expect_sums_and_kept_file();
  EXPECT_EQ(outbox["lost"], 0);
  EXPECT_EQ(outbox["lost_is_exact"], true);
}

TEST_F(DamagedAgent, SalvagesWhileItRunsWhatIsDamagedUnderIt) {
  rig.set_faults(kRefused);
  rig.start_agent();
  for (int i = 0; i < 8; ++i) write(1000 * i, 1000);  // more than its cache holds
  {
    std::fstream file(rig.outbox_file(), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_GT(fs::file_size(rig.outbox_file()), 1'000'000U);
    file.seekp(600 * 4096);
    file << std::string(4096, 'x');
  }
  rig.clear_faults();
  rig.post("/agent/v1/flush", "");
  rig.drain();
  write(100'000, 1);
  rig.drain();
  const Json outbox = expect_sums_and_kept_file();
  EXPECT_GT(outbox["lost"].get<int>(), 0);
  EXPECT_LT(outbox["lost"].get<int>(), 10) << "more than a page holds";
  EXPECT_EQ(objects_at_the_api(), 8001U - outbox["lost"].get<std::size_t>());
}

TEST_F(DamagedAgent, AnswersStatusWhileALargeFileIsSalvaged) {
  rig.set_faults(kRefused);
  rig.start_agent();
  for (int i = 0; i < 40; ++i) write(1000 * i, 1000);
  ASSERT_EQ(rig.stop_agent(), 0);
  sql("UPDATE operation SET row = X'00' WHERE seq = 1");
  rig.start_agent();
  EXPECT_EQ(rig.status()["delivery"]["accepted"], 40'000);
  EXPECT_NE(rig.agent().log().find("is being moved out of it bit by bit"), std::string::npos)
      << rig.agent().log();
  rig.wait_until("all of it is moved", [&] { return rig.status()["outbox"]["state"] == "ok"; });
  EXPECT_EQ(expect_sums_and_kept_file()["lost"], 1);
  rig.clear_faults();
  rig.drain();
  EXPECT_EQ(objects_at_the_api(), 39'999U);
}

/// On a disk of which one sector cannot be read (bad_sector.cpp).
class BadSector : public DamagedAgent {
 protected:
  void SetUp() override {
    rig.set_launch({}, {{"LD_PRELOAD", FLOWMYNA_BAD_SECTOR_SHIM}, {"FLOWMYNA_BAD_SECTOR", note_}});
    rig.set_faults(kRefused);
  }
  void lose_sector(const std::string& file, std::uintmax_t at) {
    struct stat found {};
    ASSERT_EQ(stat(file.c_str(), &found), 0);
    std::ofstream(note_ + ".new") << found.st_ino << ' ' << at;
    fs::rename(note_ + ".new", note_);
  }
  const std::string note_ = rig.directory() + "/bad-sector";
};

TEST_F(BadSector, OfTheLogLeavesWhatWasCommittedBeforeIt) {
  rig.start_agent();
  for (int i = 0; i < 15; ++i) write(10 * i, 10);
  rig.kill_agent();
  const std::string log = rig.outbox_file() + "-wal";
  lose_sector(log, fs::file_size(log) / 2);
  rig.start_agent();
  rig.clear_faults();
  write(100'000, 1);
  rig.drain();
  const std::size_t objects = objects_at_the_api();
  EXPECT_GT(objects, 50U);
  EXPECT_LT(objects, 151U) << "the sector could be read after all";
  expect_sums_and_kept_file();
  ASSERT_EQ(rig.stop_agent(), 0);
  rig.start_agent();
  EXPECT_EQ(rig.status()["outbox"]["state"], "ok");
}

TEST_F(BadSector, OfTheDatabaseUnderARunningAgentIsOnePageOfIt) {
  rig.start_agent();
  for (int i = 0; i < 8; ++i) write(1000 * i, 1000);  // more than its cache holds
  lose_sector(rig.outbox_file(), 600 * 4096 + 1024);
  rig.clear_faults();
  rig.post("/agent/v1/flush", "");
  rig.drain();
  const Json outbox = expect_sums_and_kept_file();
  EXPECT_GT(outbox["lost"].get<int>(), 0);
  EXPECT_LT(outbox["lost"].get<int>(), 10) << "more than a page holds";
  EXPECT_EQ(objects_at_the_api(), 8000U - outbox["lost"].get<std::size_t>());
}

TEST_F(DamagedAgent, TakesAVacuumedOutboxForWhatItIs) {
  rig.set_faults(kRefused);
  rig.start_agent();
  write(0, 300);
  ASSERT_EQ(rig.stop_agent(), 0);
  sql("VACUUM");
  rig.start_agent();
  const Json outbox = rig.status()["outbox"];
  EXPECT_EQ(outbox["pending"], 300) << outbox;
  EXPECT_EQ(outbox["lost"], 0) << outbox;
  EXPECT_TRUE(outbox["damaged_file"].is_null()) << outbox;
  rig.clear_faults();
  rig.drain();
  EXPECT_EQ(objects_at_the_api(), 300U);
}

TEST_F(DamagedAgent, RefusesAnotherProgramsDatabaseAndLeavesItAlone) {
  fs::create_directory(rig.directory() + "/state");
  sql("CREATE TABLE bookmark(url); INSERT INTO bookmark VALUES('https://example.org')");
  const auto time = fs::last_write_time(rig.outbox_file());
  rig.spawn_agent();
  EXPECT_EQ(rig.agent().wait(), 2);
  EXPECT_NE(rig.agent().log().find("outbox.db is another program's database"), std::string::npos)
      << rig.agent().log();
  EXPECT_EQ(fs::last_write_time(rig.outbox_file()), time);
  sql("SELECT url FROM bookmark");
  for (const auto& entry : fs::directory_iterator(rig.directory() + "/state")) {
    EXPECT_EQ(entry.path().string().find("damaged"), std::string::npos) << entry.path();
  }
}

TEST_F(DamagedAgent, SendsNoEventUnderAnotherKeyWhenItsRequestIsNotWholeAnyMore) {
  rig.set_faults(R"([{"fault":"hang","path":"/event/batch"}])");
  rig.start_agent("delivery.linger = \"1s\"\n");
  write(1, 1);
  write_event("first");
  write_event("second");
  rig.wait_until("the events were sent", [&] {
    return rig.sim("/sim/requests").dump().find("/event/batch") != std::string::npos;
  });
  rig.kill_agent();
  sql("UPDATE operation SET row = X'00' WHERE seq = 3");
  rig.clear_faults();
  rig.start_agent();
  rig.drain();
  const Json outbox = expect_sums_and_kept_file();
  EXPECT_EQ(outbox["lost"], 1);
  EXPECT_EQ(outbox["dead_letters"], 1);
  const HttpReply receipt = rig.get("/agent/v1/receipts/3");
  EXPECT_EQ(receipt.status, 200);
  EXPECT_EQ(receipt.body, R"({"receipt":3,"state":"unknown","reason":)"
                          R"("it may have been lost when the outbox was damaged"})");
  EXPECT_NE(rig.get("/agent/v1/dead-letters").body.find("outcome unknown"), std::string::npos);
  EXPECT_EQ(rig.sim("/sim/state")["events"].size(), 0U);
}

}  // namespace
}  // namespace flowmyna::test
