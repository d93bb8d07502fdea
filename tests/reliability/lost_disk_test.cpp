// The outbox's file system becomes read-only, or the file goes away, while the agent runs: nothing
// is answered that would not be kept, the state says what is wrong, and nobody restarts the agent.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "reliability/campaign.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kRefused = R"([{"fault":"refused"}])";

HttpReply write_one(Rig& rig, const std::string& id) {
  return rig.post(kUpsert, R"({"type":"T","id":")" + id + "\"}");
}

/// The outbox's words for what is wrong; the test fails unless it says that it failed.
std::string failure_in_status(Rig& rig) {
  const Json outbox = rig.status()["outbox"];
  EXPECT_EQ(outbox["state"], "failed") << outbox;
  return outbox["last_error"].is_string() ? outbox["last_error"].get<std::string>() : "";
}

void expect_recovery(Rig& rig) {
  rig.wait_until("it accepts again", [&] { return write_one(rig, "late").status == 200; });
  const Json outbox = rig.status()["outbox"];
  EXPECT_EQ(outbox["state"], "ok") << outbox;
  EXPECT_TRUE(outbox["last_error"].is_null()) << outbox;
}

class ShutDown : public testing::TestWithParam<std::string> {};

// btrfs cannot be shut down from outside.
INSTANTIATE_TEST_SUITE_P(On, ShutDown, testing::Values("ext4", "xfs", "f2fs"),
                         [](const auto& type) { return type.param; });

TEST_P(ShutDown, ADiskThatLosesItsPowerUnderTheAgentIsMountedAgainWithAllThatWasAnswered) {
  NEEDS_FILE_SYSTEM(GetParam());
  Site site(GetParam());
  site.rig.set_faults(kRefused);
  site.rig.start_agent();
  site.write(200);
  site.traffic.stop();  // no write is under way at that moment, as below
  site.disk.cut_power();
  site.traffic.start();
  site.rig.wait_until("a writer was told", [&] { return site.traffic.refusals().contains(503); });
  site.traffic.stop();
  EXPECT_EQ(site.traffic.refusals().size(), 1U) << "another status than 200 and 503 was answered";
  EXPECT_NE(failure_in_status(site.rig), "");
  site.disk.unmount();
  EXPECT_EQ(write_one(site.rig, "late").status, 503);
  site.disk.mount();
  expect_recovery(site.rig);
  const Comparison found = site.drain_and_compare();
  EXPECT_TRUE(found.keeps_the_promises()) << found.example;
}

TEST(LostDisk, AReadOnlyFileSystemIsRepairedAndMountedUnderTheRunningAgent) {
  NEEDS_LOOP_DISK();
  Site site("ext4");  // the only one that can be told to
  site.rig.set_faults(kRefused);
  site.rig.start_agent();
  site.write(200);
  // No write is under way at that moment: between the abort of its journal and the read-only flag
  // ext4 answers the fdatasync of a growing file with success and keeps nothing (seen with Linux
  // 6.18, with nothing but pwrite and fdatasync in a loop). No program can tell.
  site.traffic.stop();
  site.disk.make_read_only();
  site.traffic.start();
  site.rig.wait_until("a writer was told", [&] { return site.traffic.refusals().contains(503); });
  site.traffic.stop();
  EXPECT_EQ(site.traffic.refusals().size(), 1U) << "another status than 200 and 503 was answered";
  EXPECT_EQ(write_one(site.rig, "late").status, 503);
  const std::string words = failure_in_status(site.rig);
  EXPECT_NE(words.find("Read-only file system"), std::string::npos) << words;

  // This works because the agent, while it cannot use the outbox, holds nothing of it open.
  site.disk.unmount();
  EXPECT_EQ(write_one(site.rig, "late").status, 503);
  const std::string gone = failure_in_status(site.rig);
  EXPECT_NE(gone.find("is gone: mount its disk again"), std::string::npos) << gone;
  EXPECT_FALSE(std::filesystem::exists(site.rig.outbox_file()));
  site.disk.repair();
  site.disk.mount();

  expect_recovery(site.rig);
  const Comparison found = site.drain_and_compare();
  EXPECT_TRUE(found.keeps_the_promises()) << found.example;
  std::printf("read-only file system: answered=%zu refused=%zu missing=%zu\n", found.answered,
              site.traffic.refusals()[503], found.missing);
}

TEST(LostDisk, ADirectoryThatIsMovedAwayTakesNothingMoreAndIsGoodAgainWhenItIsBack) {
  Rig rig;
  rig.set_faults(kRefused);
  rig.start_agent();
  const std::string state = rig.directory() + "/state";
  ASSERT_EQ(write_one(rig, "1").status, 200);
  std::filesystem::rename(state, state + ".away");
  EXPECT_EQ(write_one(rig, "2").status, 503);
  const std::string words = failure_in_status(rig);
  EXPECT_NE(words.find("put it back"), std::string::npos) << words;
  EXPECT_FALSE(std::filesystem::exists(state)) << "a fresh outbox would hide the old one";
  std::filesystem::rename(state + ".away", state);
  expect_recovery(rig);
  rig.clear_faults();
  rig.drain();
  EXPECT_EQ(rig.sim("/sim/counts")["objects"], 2);
}

TEST(LostDisk, ADeletedOutboxIsStillDeliveredAndNothingIsAnsweredIntoIt) {
  Rig rig;
  rig.set_faults(kRefused);
  rig.start_agent();
  for (const char* id : {"1", "2", "3"}) ASSERT_EQ(write_one(rig, id).status, 200);
  const std::string state = rig.directory() + "/state";
  std::filesystem::remove_all(state);
  EXPECT_EQ(write_one(rig, "4").status, 503);
  const std::string words = failure_in_status(rig);
  EXPECT_NE(words.find("3 operations are pending in the file that is still open"),
            std::string::npos)
      << words;
  std::filesystem::create_directory(state);
  EXPECT_EQ(write_one(rig, "4").status, 503) << "an empty directory is not the outbox";
  rig.clear_faults();
  rig.drain();
  EXPECT_EQ(rig.sim("/sim/counts")["objects"], 3);
  EXPECT_EQ(rig.stop_agent(), 0);
  rig.start_agent();
  EXPECT_EQ(write_one(rig, "4").status, 200);
}

TEST(LostDisk, ALogThatIsDeletedAloneIsSavedIntoTheDatabase) {
  Rig rig;
  rig.set_faults(kRefused);
  rig.start_agent();
  for (const char* id : {"1", "2", "3"}) ASSERT_EQ(write_one(rig, id).status, 200);
  ASSERT_TRUE(std::filesystem::remove(rig.outbox_file() + "-wal"));
  rig.wait_until("it accepts again", [&] { return write_one(rig, "4").status == 200; });
  rig.kill_agent();
  rig.clear_faults();
  rig.start_agent();
  rig.drain();
  EXPECT_EQ(rig.sim("/sim/counts")["objects"], 4);
}

}  // namespace
}  // namespace flowmyna::test
