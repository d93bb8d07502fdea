// A backup of a running agent, and what comes of putting it back.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kApiIsDown = R"([{"fault":"refused"}])";

class BackupE2e : public DeliveryTest {
 protected:
  void SetUp() override { rig_.start_agent(); }

  std::string file() const { return rig_.directory() + "/backup.db"; }
  int backup(const std::vector<std::string>& options = {}) {
    const std::string log = rig_.directory() + "/ctl.log";
    fs::remove(log);
    std::vector<std::string> command = {FLOWMYNACTL, "--socket", rig_.socket(), "backup", file()};
    command.insert(command.end(), options.begin(), options.end());
    ChildProcess process(command, {}, log);
    const int code = process.wait();
    printed = process.log();
    return code;
  }
  /// As the manual says.
  void put_back() {
    fs::copy_file(file(), rig_.outbox_file(), fs::copy_options::overwrite_existing);
    fs::remove(rig_.outbox_file() + "-wal");
  }
  std::string files_of_outbox() const {
    std::string names;
    for (const auto& entry : fs::directory_iterator(fs::path(rig_.outbox_file()).parent_path())) {
      names += entry.path().filename().string() + ' ';
    }
    return names;
  }

  std::string printed;
};

TEST_F(BackupE2e, HoldsEverythingThatWasAnsweredBefore) {
  rig_.set_faults(kApiIsDown);
  for (int i = 0; i < 20; ++i) write_upserts(upserts(1000, "a" + std::to_string(i) + "-"));
  // Somebody goes on writing meanwhile.
  std::atomic<bool> is_done{false};
  std::thread writer([&] {
    const auto connection = rig_.connect();
    for (int i = 0; !is_done; ++i) {
      const auto reply =
          connection->post("/api/public/v1/object/upsert",
                           R"({"type":"T","id":"w)" + std::to_string(i) + R"(","properties":{}})");
      if (reply.status != 200) ADD_FAILURE() << reply.status << reply.error;
    }
  });
  EXPECT_EQ(backup(), 0) << printed;
  is_done = true;
  writer.join();
  EXPECT_EQ(fs::status(file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(files_of_outbox().find("backup"), std::string::npos) << files_of_outbox();

  const std::size_t at_the_end = fates().accepted;
  rig_.kill_agent();
  put_back();
  rig_.start_agent();
  EXPECT_GE(fates().accepted, 20'000U);
  EXPECT_LE(fates().accepted, at_the_end);
  EXPECT_EQ(fates().pending, fates().accepted);
  rig_.clear_faults();
  rig_.drain();
  EXPECT_EQ(rig_.sim("/sim/state")["objects"].size(), fates().accepted);
}

TEST_F(BackupE2e, OpensAsAnyDatabaseDoesAndNeedsNoLog) {
  rig_.set_faults(kApiIsDown);
  write_upserts(upserts(100, "a"));
  ASSERT_EQ(backup(), 0) << printed;
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open_v2(file().c_str(), &database, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  const auto answer = [&](const char* sql) {
    std::string text;
    sqlite3_exec(
        database, sql,
        [](void* out, int, char** values, char**) {
          *static_cast<std::string*>(out) += values[0];
          return 0;
        },
        &text, nullptr);
    return text;
  };
  EXPECT_EQ(answer("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(answer("SELECT count(*) FROM operation"), "100");
  sqlite3_close(database);
  EXPECT_FALSE(fs::exists(file() + "-wal"));
}

TEST_F(BackupE2e, AnExistingFileIsReplacedOnlyIfSaidSo) {
  std::ofstream(file()) << "mine";
  EXPECT_EQ(backup(), 1);
  EXPECT_NE(printed.find("it already exists; --force replaces it"), std::string::npos) << printed;
  EXPECT_EQ(fs::file_size(file()), 4U);
  EXPECT_EQ(backup({"--force"}), 0) << printed;
  EXPECT_GT(fs::file_size(file()), 4096U);
}

TEST_F(BackupE2e, AnAgentThatDiedMeanwhileLeavesNothingAfterItsNextStart) {
  ASSERT_EQ(rig_.post("/agent/v1/backups", "").status, 200);
  rig_.kill_agent();
  ASSERT_NE(files_of_outbox().find("outbox.db.backup"), std::string::npos);
  rig_.start_agent();
  EXPECT_EQ(files_of_outbox().find("backup"), std::string::npos);
}

}  // namespace
}  // namespace flowmyna::test
