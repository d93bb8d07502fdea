// What other programs, limits and people do around the outbox's file.

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kRefused = R"([{"fault":"refused"}])";

class SurroundingsTest : public testing::Test {
 protected:
  int write(const std::string& id, std::size_t bytes = 1) {
    const std::string body = R"({"type":"T","id":")" + id + R"(","properties":{"p":")" +
                             std::string(bytes, 'x') + "\"}}";
    return rig_.post(kUpsert, body).status;
  }
  void write_some(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(write(prefix + std::to_string(i)), 200);
  }
  /// Starts an agent on the outbox of the rig's, at another socket; what it says and how it ends.
  std::string second_start(int expected_exit_code) {
    const std::string file = rig_.directory() + "/second.toml";
    std::ofstream(file) << "outbox.path = \"" << rig_.directory() << "/state\"\n"
                        << "listen.socket = \"" << rig_.directory() << "/second.sock\"\n"
                        << "api.url = \"" << rig_.api_url() << "\"\n";
    ChildProcess second({FLOWMYNA_AGENT, "--config", file}, {{"FLOWMYNA_API_KEY", kKey}},
                        rig_.directory() + "/second.log");
    EXPECT_EQ(second.wait(), expected_exit_code);
    return second.log();
  }
  /// Content and time of every file in the outbox's directory.
  std::map<std::string, std::pair<std::string, fs::file_time_type>> files() {
    std::map<std::string, std::pair<std::string, fs::file_time_type>> found;
    for (const auto& entry : fs::directory_iterator(rig_.directory() + "/state")) {
      std::ifstream in(entry.path(), std::ios::binary);
      found[entry.path().filename()] = {std::string(std::istreambuf_iterator<char>(in), {}),
                                        fs::last_write_time(entry.path())};
    }
    return found;
  }
  /// Until SIGCONT the agent writes nothing by itself; what it has locked stays so.
  void stop_for_a_while() {
    rig_.agent().signal(SIGSTOP);
    const std::string status = "/proc/" + std::to_string(rig_.agent().pid()) + "/stat";
    rig_.wait_until("it stands still", [&] {
      std::ifstream in(status);
      const std::string text(std::istreambuf_iterator<char>(in), {});
      return text.find(") T ") != std::string::npos;
    });
  }
  std::size_t objects_at_api() { return rig_.sim("/sim/state")["objects"].size(); }

  Rig rig_;
};

TEST_F(SurroundingsTest, AnAgentWhoseLockFileWasDeletedKeepsItsOutboxToItself) {
  rig_.set_faults(kRefused);
  rig_.start_agent();
  write_some("a", 300);
  fs::remove(rig_.outbox_file() + ".lock");
  stop_for_a_while();
  const auto before = files();
  const std::string said = second_start(2);
  EXPECT_NE(said.find("flowmyna-agent, pid " + std::to_string(rig_.agent().pid())),
            std::string::npos)
      << said;
  for (const auto& [name, file] : before) EXPECT_TRUE(files()[name] == file) << name;
  rig_.agent().signal(SIGCONT);
  write_some("b", 300);
  rig_.kill_agent();
  rig_.clear_faults();
  rig_.start_agent();
  rig_.drain();
  EXPECT_EQ(objects_at_api(), 600U);
}

TEST_F(SurroundingsTest, AProgramThatHasTheOutboxOpenIsNamed) {
  rig_.start_agent();
  write_some("a", 3);
  rig_.drain();
  rig_.stop_agent();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(rig_.outbox_file().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "SELECT count(*) FROM operation", nullptr, nullptr, nullptr),
            SQLITE_OK);
  const std::string said = second_start(2);
  EXPECT_NE(said.find("pid " + std::to_string(getpid())), std::string::npos) << said;
  sqlite3_close(other);
  rig_.start_agent();
}

TEST_F(SurroundingsTest, AnOutboxOfANewerVersionIsLeftAsItIsToTheTimeOfEveryFile) {
  rig_.set_faults(kRefused);
  rig_.start_agent();
  write_some("a", 30);
  rig_.kill_agent();
  {
    sqlite3* newer = nullptr;
    ASSERT_EQ(sqlite3_open(rig_.outbox_file().c_str(), &newer), SQLITE_OK);
    sqlite3_db_config(newer, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    EXPECT_EQ(sqlite3_exec(newer, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA user_version = 99",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(newer);
  }
  const auto before = files();
  const std::string said = second_start(2);
  EXPECT_NE(said.find("written by a newer version"), std::string::npos) << said;
  EXPECT_TRUE(files() == before);
}

TEST_F(SurroundingsTest, WhatNoOutboxOfThisSizeHasRoomForIsTooLargeAndChangesNoState) {
  rig_.start_agent("outbox.max_size = \"8MiB\"\nlisten.max_body = \"16MiB\"\n");
  const std::string body =
      R"({"type":"T","id":"1","properties":{"p":")" + std::string(2'621'440, 'x') + "\"}}";
  const HttpReply reply = rig_.post(kUpsert, body);
  EXPECT_EQ(reply.status, 413);
  EXPECT_NE(reply.body.find("raise outbox.max_size"), std::string::npos) << reply.body;
  EXPECT_EQ(rig_.status()["outbox"]["state"], "ok");
  write_some("a", 10);
  rig_.drain();
}

TEST_F(SurroundingsTest, AFileThatMayNotGrowIsAFullDisk) {
  rig_.set_faults(kRefused);
  // 512 bytes each: the database may take 4 MiB, and so may the log.
  rig_.set_launch({"/bin/sh", "-c", "ulimit -f 8192; exec \"$@\"", "sh"}, {});
  rig_.start_agent();
  int status = 200;
  for (int i = 0; i < 400 && status == 200; ++i) {
    status = write("a" + std::to_string(i), 50'000);
  }
  EXPECT_EQ(status, 507);
  const Json outbox = rig_.status()["outbox"];
  EXPECT_EQ(outbox["state"], "full") << outbox;
  rig_.clear_faults();
  rig_.drain();
  rig_.wait_until("it accepts again", [&] { return write("late", 50'000) == 200; });
}

TEST_F(SurroundingsTest, AnOutboxThatOthersCouldExchangeIsRefused) {
  fs::create_directory(rig_.directory() + "/state");
  fs::permissions(rig_.directory() + "/state", fs::perms::all);
  const std::string said = second_start(2);
  EXPECT_NE(said.find("chmod go-w"), std::string::npos) << said;
}

TEST_F(SurroundingsTest, ASymbolicLinkInTheOutboxesPlaceIsRefused) {
  fs::create_directory(rig_.directory() + "/state");
  fs::permissions(rig_.directory() + "/state", fs::perms::owner_all);
  fs::create_symlink(rig_.directory() + "/elsewhere", rig_.outbox_file());
  const std::string said = second_start(2);
  EXPECT_NE(said.find("is a symbolic link"), std::string::npos) << said;
  EXPECT_FALSE(fs::exists(rig_.directory() + "/elsewhere"));
}

}  // namespace
}  // namespace flowmyna::test
