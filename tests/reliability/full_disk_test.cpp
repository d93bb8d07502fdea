// Somebody else fills the disk: writers are told so, delivery goes on, and when there is room again
// everything works without anybody's help.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "reliability/campaign.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kRefused = R"([{"fault":"refused"}])";

HttpReply write_one(Site& site, const std::string& id) {
  return site.rig.post(kUpsert, R"({"type":"T","id":")" + id + "\"}");
}

class FullDisk : public testing::TestWithParam<std::string> {};

// btrfs and f2fs write every block to a new place, and on them what is freed is not free at once;
// vfat cannot set blocks aside.
INSTANTIATE_TEST_SUITE_P(On, FullDisk,
                         testing::Values("ext4", "xfs", "btrfs", "f2fs", "vfat", "overlay"),
                         [](const auto& type) { return type.param; });

/// Has the applications write until the disk has no room for what they want.
void fill_while_they_write(Site& site) {
  site.write(200);
  site.disk.fill();
  site.rig.wait_until("a writer was told", [&] { return site.traffic.refusals().contains(507); });
}

TEST_P(FullDisk, WritersAreToldDeliveryGoesOnAndRoomIsEnoughToRecover) {
  NEEDS_FILE_SYSTEM(GetParam());
  Site site(GetParam());
  site.rig.set_faults(kRefused);
  site.rig.start_agent();
  fill_while_they_write(site);
  const std::size_t answered = site.traffic.answered();
  const auto refused = site.traffic.refusals();
  site.traffic.stop();
  EXPECT_EQ(refused.size(), 1U) << "another status than 200 and 507 was answered";

  const HttpReply reply = write_one(site, "late");
  EXPECT_EQ(reply.status, 507) << reply.body;
  EXPECT_NE(reply.body.find("make room"), std::string::npos) << reply.body;
  const Json full = site.rig.status()["outbox"];
  EXPECT_EQ(full["state"], "full") << full;
  EXPECT_NE(full["last_error"].get<std::string>().find("make room"), std::string::npos) << full;

  // The disk stays full, and whoever filled it takes whatever else there is.
  site.disk.fill();
  const Comparison while_full = site.drain_and_compare();
  EXPECT_TRUE(while_full.keeps_the_promises()) << while_full.example;
  EXPECT_EQ(write_one(site, "late").status, 507);

  site.disk.make_room();
  site.rig.wait_until("it accepts again", [&] { return write_one(site, "late").status == 200; });
  EXPECT_EQ(site.rig.status()["outbox"]["state"], "ok");
  site.write(100);
  site.traffic.stop();
  const Comparison after = site.drain_and_compare();
  EXPECT_TRUE(after.keeps_the_promises()) << after.example;
  std::printf("full disk: answered=%zu refused=%zu missing=%zu, delivered while full\n", answered,
              refused.contains(507) ? refused.at(507) : 0, after.missing);
}

TEST_P(FullDisk, AnAgentThatStartsOnAFullDiskDeliversWhatItHas) {
  NEEDS_FILE_SYSTEM(GetParam());
  Site site(GetParam());
  site.rig.set_faults(kRefused);
  site.rig.start_agent();
  fill_while_they_write(site);
  site.traffic.stop();
  site.rig.kill_agent();
  site.disk.fill();
  site.rig.start_agent();
  EXPECT_EQ(write_one(site, "late").status, 507);
  const Comparison found = site.drain_and_compare();
  EXPECT_TRUE(found.keeps_the_promises()) << found.example;
  site.disk.make_room();
  site.rig.wait_until("it accepts again", [&] { return write_one(site, "late").status == 200; });
}

TEST_P(FullDisk, TheReserveIsHeldWhileThereIsRoomAndGivenUpWhenThereIsNone) {
  NEEDS_FILE_SYSTEM(GetParam());
  Site site(GetParam());
  const std::string reserve = site.rig.outbox_file() + ".reserve";
  site.rig.set_faults(kRefused);
  site.rig.start_agent();
  ASSERT_TRUE(std::filesystem::exists(reserve));
  fill_while_they_write(site);
  site.traffic.stop();
  EXPECT_FALSE(std::filesystem::exists(reserve));
  site.disk.make_room();
  site.rig.wait_until("it accepts again", [&] { return write_one(site, "late").status == 200; });
  EXPECT_TRUE(std::filesystem::exists(reserve));
}

/// Takes whatever becomes free on a disk, without a pause.
class Filler {
 public:
  explicit Filler(const LoopDisk& disk)
      : thread_([this, &disk] {
          while (!is_over_) disk.fill();
        }) {}
  ~Filler() {
    is_over_ = true;
    thread_.join();
  }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;

 private:
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

class BusyDisk : public FullDisk {};

// btrfs gives what becomes free to whoever has asked for it first.
INSTANTIATE_TEST_SUITE_P(On, BusyDisk, testing::Values("ext4", "xfs", "f2fs", "overlay"),
                         [](const auto& type) { return type.param; });

TEST_P(BusyDisk, WhoFillsItWithoutAPauseGetsNothingThatDeliveryNeeds) {
  NEEDS_FILE_SYSTEM(GetParam());
  Site site(GetParam());
  site.rig.set_faults(kRefused);
  site.rig.start_agent();
  site.write(200);
  const Filler filler(site.disk);
  site.rig.wait_until("a writer was told", [&] { return site.traffic.refusals().contains(507); });
  site.traffic.stop();
  const Comparison found = site.drain_and_compare();
  EXPECT_TRUE(found.keeps_the_promises()) << found.example;
}

TEST(NoInodes, NeitherAStartNorARestartAfterAKillNeedsOne) {
  NEEDS_LOOP_DISK();
  Site site;
  site.rig.start_agent();
  EXPECT_EQ(write_one(site, "before").status, 200);
  site.rig.drain();
  ASSERT_EQ(site.rig.stop_agent(), 0);
  site.disk.use_up_inodes();
  for (const char* id : {"stopped", "killed"}) {
    site.rig.start_agent();
    const HttpReply reply = write_one(site, id);
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(site.rig.status()["outbox"]["state"], "ok");
    site.rig.drain();
    site.rig.kill_agent();
  }
  EXPECT_EQ(site.rig.sim("/sim/counts")["objects"], 3);
}

}  // namespace
}  // namespace flowmyna::test
