// The API key: another one is used at once, a wrong one loses nothing, and none is ever shown.

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kWrongKey = "fm_live_wrongwrongwrongwrongwrongwrongwr";

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text << "\n";
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

void replace(const fs::path& path, const std::string& text) {
  write(path.string() + ".new", text);
  fs::rename(path.string() + ".new", path);
}

class KeyFile : public testing::Test {
 protected:
  void start(const fs::path& file) {
    // Without the rig's own key, which would win.
    rig.set_launch({"/usr/bin/env", "-u", "FLOWMYNA_API_KEY"}, {});
    rig.start_agent("api.key_file = \"" + file.string() + "\"\n");
  }
  void write_one() {
    ASSERT_EQ(rig.post(kUpsert, R"({"type":"T","id":"a","properties":{"n":1}})").status, 200);
    ++written;
  }
  /// A new attempt without a new key comes only after five minutes.
  void expect_unauthorized() {
    rig.wait_until("the key is refused",
                   [this] { return rig.status()["delivery"]["state"] == "unauthorized"; });
    const Json delivery = rig.status()["delivery"];
    EXPECT_GT(delivery["next_attempt_in_seconds"], 60) << delivery;
    EXPECT_NE(delivery["last_error"].get<std::string>().find("key"), std::string::npos);
  }
  void expect_delivered() {
    rig.wait_until("everything is delivered",
                   [this] { return rig.status()["delivery"]["delivered"] == written; });
  }

  int count_in_log(const std::string& words) {
    const std::string log = rig.agent().log();
    int count = 0;
    for (auto at = log.find(words); at != log.npos; at = log.find(words, at + 1)) ++count;
    return count;
  }

  Rig rig;
  int written = 0;
};

TEST_F(KeyFile, ANewKeyInItIsUsedAtOnceHoweverItIsReplaced) {
  const fs::path directory = rig.directory() + "/keys";
  fs::create_directory(directory);
  const fs::path file = directory / "key";
  write(file, kWrongKey);
  start(file);
  write_one();
  expect_unauthorized();
  replace(file, kKey);  // by a rename
  expect_delivered();

  replace(file, kWrongKey);
  write_one();
  expect_unauthorized();
  write(file, kKey);  // in place
  expect_delivered();
}

TEST_F(KeyFile, ANewKeyBehindAReplacedLinkIsUsedAtOnce) {
  // As Kubernetes does it: the file is a link through ..data, and ..data is swapped.
  const fs::path directory = rig.directory() + "/secret";
  fs::create_directories(directory / "one");
  fs::create_directories(directory / "two");
  write(directory / "one/key", kWrongKey);
  write(directory / "two/key", kKey);
  fs::create_directory_symlink("one", directory / "..data");
  fs::create_symlink("..data/key", directory / "key");
  start(directory / "key");
  write_one();
  expect_unauthorized();
  fs::create_directory_symlink("two", directory / "..data.new");
  fs::rename(directory / "..data.new", directory / "..data");
  expect_delivered();
}

TEST_F(KeyFile, WhatIsNoKeyIsNotTakenAndTheOldOneGoesOn) {
  const fs::path file = rig.directory() + "/key";
  write(file, kKey);
  start(file);
  replace(file, "not-a-key-at-all");
  rig.wait_until("the log says so", [this] {
    return rig.agent().log().find("the previous key stays in use") != std::string::npos;
  });
  EXPECT_EQ(rig.agent().log().find("not-a-key-at-all"), std::string::npos);
  write_one();
  expect_delivered();
}

TEST_F(KeyFile, OneThatIsNotThereYetHoldsUpOnlyDeliveryAndIsTakenWhenItAppears) {
  const fs::path file = rig.directory() + "/later/key";
  start(file);
  write_one();
  rig.wait_until("the status says why", [&] {
    return rig.status()["delivery"]["last_error"].dump().find(
               "the key file " + file.string() + " does not exist yet") != std::string::npos;
  });
  EXPECT_EQ(rig.status()["delivery"]["delivered"], 0);
  fs::create_directory(file.parent_path());
  write(file, "");
  write(file, "no key either");
  write(file, kKey);
  expect_delivered();
}

TEST_F(KeyFile, OneThatDisappearsLeavesTheKeyInUseAndIsLoggedOnce) {
  const fs::path file = rig.directory() + "/key";
  write(file, kKey);
  start(file);
  fs::remove(file);
  const std::string words =
      "does not exist yet: create it, or correct api.key_file; the previous "
      "key stays in use";
  rig.wait_until("the log says so", [&] { return count_in_log(words) == 1; });
  rig.agent().signal(SIGHUP);
  rig.wait_until("it is read again", [&] { return count_in_log("reloaded") == 1; });
  write_one();
  expect_delivered();
  // The reload was asked for, so it says so too.
  EXPECT_EQ(count_in_log(words), 2);
}

TEST_F(KeyFile, OneThatIsConfiguredLaterIsTakenByAReload) {
  const fs::path file = rig.directory() + "/key";
  rig.set_launch({"/usr/bin/env", "-u", "FLOWMYNA_API_KEY"}, {});
  rig.start_agent();
  write_one();
  rig.wait_until("the status says why", [&] {
    return rig.status()["delivery"]["last_error"] ==
           "no API key: set api.key_file or FLOWMYNA_API_KEY";
  });
  write(file, kKey);
  std::ofstream(rig.directory() + "/agent.toml", std::ios::app)
      << "api.key_file = \"" << file.string() << "\"\n";
  rig.agent().signal(SIGHUP);
  expect_delivered();
}

TEST(Key, AFileThatIsNotThereYetPassesTheCheckWithAWarning) {
  Rig rig;
  const std::string file = rig.directory() + "/check.toml";
  std::ofstream(file) << "api.key_file = \"/nowhere/key\"\n";
  ChildProcess check(
      {"/usr/bin/env", "-u", "FLOWMYNA_API_KEY", FLOWMYNA_AGENT, "--config", file, "--check"}, {},
      rig.directory() + "/check.log");
  EXPECT_EQ(check.wait(), 0);
  EXPECT_NE(
      check.log().find("flowmyna-agent: warning: the key file /nowhere/key does not exist yet"),
      std::string::npos)
      << check.log();
}

TEST(Key, IsNowhereToBeReadWhateverGoesWrong) {
  Rig rig;
  // An answer that quotes it, as a careless proxy's may.
  const std::string quoting = std::string(R"({"detail":"no such key: )") + kKey + "\"}";
  rig.set_faults(R"([{"fault":"status","status":403,"count":3,"body":)" + Json(quoting).dump() +
                 R"(},{"fault":"status","status":200,"count":3,"body":"<p>)" + kKey +
                 R"(</p>"},{"fault":"unauthorized","count":2}])");
  rig.start_agent("log.level = \"trace\"\n");
  rig.post(kUpsert, R"({"type":"T","id":"a"})");
  std::string shown;
  rig.wait_until("it is delivered all the same", [&] {
    rig.post("/agent/v1/flush", "");
    for (const char* path : {"/agent/v1/status", "/metrics", "/api/public/v1/health",
                             "/agent/v1/pending", "/agent/v1/dead-letters"}) {
      shown += rig.get(path).body;
    }
    return rig.status()["outbox"]["pending"] == 0;
  });
  const std::string process = "/proc/" + std::to_string(rig.agent().pid());
  for (const char* file : {"/environ", "/cmdline"}) shown += content_of(process + file);
  shown += rig.agent().log();
  EXPECT_NE(shown.find("no such key"), std::string::npos);  // it was quoted
  EXPECT_EQ(shown.find(kKey), std::string::npos);
  EXPECT_EQ(content_of(rig.outbox_file()).find(kKey), std::string::npos);
  EXPECT_EQ(content_of(rig.outbox_file() + "-wal").find(kKey), std::string::npos);
}

}  // namespace
}  // namespace flowmyna::test
