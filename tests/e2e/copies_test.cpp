// Copies of an outbox that begin to live: a backup that is put back, a disk that was cloned. Real
// agents.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kApiIsDown = R"([{"fault":"refused"}])";
constexpr std::uint64_t kNext = std::uint64_t{1} << 40;

class CopiesTest : public DeliveryTest {
 protected:
  std::string file() const { return rig_.directory() + "/backup.db"; }
  void put_back(const std::string& settings = "") {
    EXPECT_EQ(rig_.stop_agent(), 0);
    fs::copy_file(file(), rig_.outbox_file(), fs::copy_options::overwrite_existing);
    fs::remove(rig_.outbox_file() + "-wal");
    rig_.start_agent(settings);
  }
  std::size_t times_recorded() const {
    std::size_t times = 0;
    for (const auto& [name, count] : recorded()) times += count;
    return times;
  }
  std::uint64_t receipt_of_a_write() {
    const auto reply =
        rig_.post("/api/public/v1/object/upsert", R"({"type":"T","id":"new","properties":{}})");
    return Json::parse(reply.body)["receipt"];
  }
};

TEST_F(CopiesTest, EventsThatWaitedInABackupAreSentAgainAndCounted) {
  rig_.start_agent();
  rig_.set_faults(kApiIsDown);
  write_events(events(20, "E"));
  write_upserts(upserts(5, "o"));
  ctl({"backup", file()});
  rig_.clear_faults();
  rig_.drain();
  ASSERT_EQ(times_recorded(), 20U);

  put_back();
  const Json outbox = rig_.status()["outbox"];
  EXPECT_EQ(outbox["epoch"], 1);
  EXPECT_EQ(outbox["doubtful_through"], 25);
  EXPECT_EQ(receipt_of_a_write(), kNext + 1);
  const auto unknown = rig_.get("/agent/v1/receipts/26");
  EXPECT_EQ(unknown.status, 200);
  EXPECT_EQ(Json::parse(unknown.body)["state"], "unknown");
  EXPECT_NE(unknown.body.find("older copy"), std::string::npos) << unknown.body;
  rig_.drain();
  EXPECT_EQ(times_recorded(), 40U);
  EXPECT_EQ(fates().duplicates_possible, 20U);
  EXPECT_EQ(fates().accepted, 26U);
  const std::string log = rig_.agent().log();
  const auto told = log.find("is a backup that was put back");
  EXPECT_NE(told, std::string::npos) << log;
  EXPECT_NE(ctl({"status"}).find("put back"), std::string::npos);

  // Events that come afterwards are no such ones.
  write_events(events(3, "F"));
  rig_.drain();
  EXPECT_EQ(fates().duplicates_possible, 20U);
  rig_.stop_agent();
  rig_.start_agent();
  EXPECT_EQ(rig_.status()["outbox"]["epoch"], 1) << "it is noticed once";
}

TEST_F(CopiesTest, WhatDidNotLeaveIsNotCounted) {
  rig_.start_agent();
  rig_.set_faults(kApiIsDown);
  write_events(events(4, "E"));
  ctl({"backup", file()});
  rig_.clear_faults();
  // The first request asks for the API's health, and when the next one may leave, 12 s later, there
  // is no API.
  put_back("api.max_requests_per_minute = 6\n");
  rig_.wait_until("its health is known",
                  [&] { return rig_.get("/api/public/v1/health").status == 200; });
  rig_.set_faults(kApiIsDown);
  rig_.wait_until("it was tried", [&] {
    return rig_.agent().log().find("(4 events): connection refused") != std::string::npos;
  });
  EXPECT_EQ(fates().duplicates_possible, 0U);
  EXPECT_EQ(rig_.stop_agent(), 0);
  rig_.clear_faults();
  rig_.start_agent();
  rig_.drain();
  EXPECT_EQ(fates().duplicates_possible, 4U);
}

TEST_F(CopiesTest, OrTheyAreHeldForAPerson) {
  const std::string hold = "delivery.on_unknown = \"hold\"\n";
  rig_.start_agent(hold);
  rig_.set_faults(kApiIsDown);
  write_events(events(20, "E"));
  write_upserts(upserts(5, "o"));
  ctl({"backup", file()});
  rig_.clear_faults();
  rig_.drain();
  put_back(hold);
  rig_.drain();
  EXPECT_EQ(times_recorded(), 20U);
  EXPECT_EQ(fates().dead, 20U);
  EXPECT_EQ(fates().duplicates_possible, 20U);
}

/// Another machine for one process: a file over /etc/machine-id that it alone sees.
class CloneTest : public CopiesTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || !fs::exists("/etc/machine-id") || !fs::exists("/usr/bin/unshare")) {
      if (std::getenv("FLOWMYNA_NO_SKIP") != nullptr) FAIL() << "needs root, unshare, a machine id";
      GTEST_SKIP() << "needs root, unshare(1) and /etc/machine-id";
    }
  }
  void be_machine(char digit) {
    const std::string id = rig_.directory() + "/machine-" + digit;
    std::ofstream(id) << std::string(32, digit) << '\n';
    rig_.set_launch({"/usr/bin/unshare", "-m", "/bin/sh", "-c",
                     "mount --bind " + id + " /etc/machine-id && exec \"$@\"", "sh"},
                    {});
  }
};

TEST_F(CloneTest, OnAnotherMachineItIsAnotherOutboxAndCountsWhatWaits) {
  be_machine('1');
  rig_.start_agent();
  rig_.set_faults(kApiIsDown);
  write_events(events(23, "E"));
  EXPECT_EQ(rig_.stop_agent(), 0);
  rig_.start_agent();
  EXPECT_EQ(rig_.status()["outbox"]["epoch"], 0) << "the same machine";
  EXPECT_EQ(rig_.stop_agent(), 0);
  be_machine('2');
  rig_.start_agent();
  EXPECT_EQ(rig_.status()["outbox"]["epoch"], 1);
  EXPECT_NE(rig_.agent().log().find("was copied from another machine"), std::string::npos);
  rig_.clear_faults();
  rig_.drain();
  EXPECT_EQ(fates().duplicates_possible, 23U);
}

TEST_F(CloneTest, OrBeginsWithNothing) {
  be_machine('1');
  rig_.start_agent();
  rig_.set_faults(kApiIsDown);
  write_events(events(23, "E"));
  EXPECT_EQ(rig_.stop_agent(), 0);
  be_machine('2');
  rig_.start_agent("outbox.on_clone = \"discard\"\n");
  EXPECT_EQ(fates().accepted, 0U);
  rig_.clear_faults();
  rig_.drain();
  EXPECT_EQ(times_recorded(), 0U);
}

TEST_F(CloneTest, TheExportsOfTwoClonesAreBothTakenIn) {
  be_machine('1');
  rig_.start_agent();
  rig_.set_faults(kApiIsDown);
  write_events(events(3, "E"));
  EXPECT_EQ(rig_.stop_agent(), 0);
  const std::string image = rig_.directory() + "/image.db";
  fs::copy_file(rig_.outbox_file(), image);
  Rig there;
  there.start_agent();
  for (const char machine : {'2', '3'}) {
    fs::copy_file(image, rig_.outbox_file(), fs::copy_options::overwrite_existing);
    be_machine(machine);
    rig_.start_agent();
    rig_.post("/agent/v1/pause", "");
    const std::string backlog = rig_.directory() + "/backlog-" + machine;
    ctl({"export", backlog});
    ChildProcess import({FLOWMYNACTL, "--socket", there.socket(), "import", backlog}, {},
                        rig_.directory() + "/import.log");
    EXPECT_EQ(import.wait(), 0) << import.log();
    EXPECT_EQ(rig_.stop_agent(), 0);
  }
  EXPECT_EQ(there.status()["delivery"]["accepted"], 6);
  rig_.start_agent();
}

}  // namespace
}  // namespace flowmyna::test
