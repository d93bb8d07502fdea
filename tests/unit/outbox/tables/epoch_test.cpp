// An outbox file that is not what it was last: a backup or a copy that was put back, a cloned disk.

#include "outbox/tables/epoch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "outbox/disk/seen_file.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"
#include "tests/unit/outbox/test_disk.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kQuotaBytes = 64ULL << 20;
constexpr Receipt kNext = std::uint64_t{1} << 40;

class EpochTest : public testing::Test {
 protected:
  std::unique_ptr<SqliteStorage> open(const std::string& at, const std::string& machine = "",
                                      bool discards = false, bool holds = false) {
    auto opened = SqliteStorage::open({at, kQuotaBytes, true, machine, discards, holds});
    if (!opened) throw std::runtime_error(opened.error().message);
    return *std::move(opened);
  }
  std::unique_ptr<SqliteStorage> open() { return open(path); }

  static Receipt accept_event(Storage& storage, const std::string& object) {
    OperationList backlog;
    backlog.event({{"Order/" + object}});
    must(storage.begin());
    const Receipt first = storage.append(backlog.encoded_operations(), 1).value();
    commit(storage);
    return first;
  }
  static void deliver(Storage& storage, Receipt receipt) {
    settle(storage, {{0, 1, 0}, 1, {receipt}, {}, {}});
  }
  static std::string epoch_of(const Storage& storage) {
    const OutboxStats stats = storage.stats();
    return "epoch " + std::to_string(stats.epoch) + ", accepted " + std::to_string(stats.accepted) +
           ", last " + std::to_string(stats.last_receipt) + ", pending " +
           std::to_string(stats.pending()) + ", doubtful through " +
           std::to_string(stats.doubtful_through);
  }
  std::string back_up(Storage& storage) {
    must(storage.begin_backup());
    while (!storage.continue_backup().value().is_ready) continue;
    const std::string copy = other.file("outbox.db");
    std::ofstream(copy, std::ios::binary) << storage.read_backup(0).value();
    return copy;
  }
  static void copy(const std::string& from, const std::string& to) {
    fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  }

  const TemporaryDirectory directory;
  const TemporaryDirectory other;
  const std::string path = directory.file("outbox.db");
};

TEST_F(EpochTest, ABackupThatIsPutBackBeginsANewOne) {
  const auto storage = open();
  accept(*storage, {"a", "b", "c"});
  deliver(*storage, 1);
  const std::string backup = back_up(*storage);
  {
    const auto restored = open(backup);
    EXPECT_EQ(epoch_of(*restored), "epoch 1, accepted 3, last " + std::to_string(kNext) +
                                       ", pending 2, doubtful through 3");
    EXPECT_EQ(states(*restored, 5), "-dpp--") << "4 and 5 may be another's";
    EXPECT_EQ(accept(*restored, {"d"}), kNext + 1);
    EXPECT_EQ(everything(*restored), "2:b 3:c " + std::to_string(kNext + 1) + ":d");
    EXPECT_EQ(restored->state(kNext).value(), ReceiptState::kMaybeLost);
    EXPECT_EQ(restored->state(kNext + 1).value(), ReceiptState::kPending);
    EXPECT_EQ(restored->state(kNext + 2).value(), ReceiptState::kUnknown);
    deliver(*restored, kNext + 1);
    EXPECT_EQ(restored->state(kNext + 1).value(), ReceiptState::kDelivered);
  }
  // Once: from now on it is an outbox like any other.
  EXPECT_EQ(epoch_of(*open(backup)), "epoch 1, accepted 4, last " + std::to_string(kNext + 1) +
                                         ", pending 2, doubtful through 3");
}

TEST_F(EpochTest, EachTimeReceiptsGoOnBeyondAllThatWereGiven) {
  const auto storage = open();
  accept(*storage, {"a"});
  const std::string first = back_up(*storage);
  {
    const auto again = open(first);
    accept(*again, {"b", "c"});
    copy(back_up(*again), other.file("second.db"));
  }
  const auto third = open(other.file("second.db"));
  EXPECT_EQ(epoch_of(*third), "epoch 2, accepted 3, last " + std::to_string(2 * kNext) +
                                  ", pending 3, doubtful through " + std::to_string(kNext + 2));
  EXPECT_EQ(accept(*third, {"d"}), 2 * kNext + 1);
  EXPECT_EQ(third->stats().accepted, 4U);
}

TEST_F(EpochTest, AlsoWhereTheSameBackupIsPutBackTwice) {
  auto storage = open();
  accept(*storage, {"a"});
  const std::string backup = back_up(*storage);
  storage.reset();
  for (const Receipt time : {Receipt{1}, Receipt{2}}) {
    copy(backup, path);
    storage = open();
    EXPECT_EQ(accept(*storage, {"b"}), time * kNext + 1);
    EXPECT_EQ(storage->stats().epoch, time);
    storage.reset();
  }
}

TEST_F(EpochTest, SoDoesACopyOfAStoppedOutboxThatIsPutBackLater) {
  {
    const auto storage = open();
    accept(*storage, {"a", "b"});
  }
  copy(path, other.file("copy.db"));
  {
    const auto storage = open();
    deliver(*storage, 1);  // nothing but this
  }
  copy(other.file("copy.db"), path);
  EXPECT_EQ(epoch_of(*open()), "epoch 1, accepted 2, last " + std::to_string(kNext) +
                                   ", pending 2, doubtful through 2");
}

TEST_F(EpochTest, ACrashBeforeTheMarkFollowsDoesNotBeginAnother) {
  {
    const auto storage = open();
    accept(*storage, {"a", "b"});
  }
  copy(path, other.file("copy.db"));
  {
    const auto storage = open();
    deliver(*storage, 1);
  }
  copy(path + ".seen", other.file("mark"));
  copy(other.file("copy.db"), path);
  EXPECT_EQ(open()->stats().epoch, 1U);
  copy(other.file("mark"), path + ".seen");
  EXPECT_EQ(open()->stats().epoch, 1U);
}

TEST_F(EpochTest, AlsoWhereTheAgentWasKilledAfterMuch) {
  {
    const auto storage = open();
    accept(*storage, {"a"});
  }
  copy(path, other.file("copy.db"));
  const std::string killed = other.file("outbox.db");
  {
    const auto storage = open();
    for (int i = 0; i < 30; ++i) accept(*storage, std::vector<std::string>(1000, "x"));
    copy(path + ".seen", killed + ".seen");  // as it is while that runs
  }
  copy(other.file("copy.db"), killed);
  EXPECT_EQ(open(killed)->stats().epoch, 1U);
}

TEST_F(EpochTest, WhatGoesOnWhereItWasIsNone) {
  {
    const auto storage = open();
    accept(*storage, {"a", "b"});
    deliver(*storage, 1);
    // Killed.
    for (const char* end : {"", "-wal", ".seen"}) copy(path + end, other.file("outbox.db") + end);
  }
  EXPECT_EQ(open(other.file("outbox.db"))->stats().epoch, 0U);
  EXPECT_EQ(open()->stats().epoch, 0U);
  fs::remove(path + ".seen");
  EXPECT_EQ(open()->stats().epoch, 0U) << "without the mark";
  std::ofstream(path + ".seen") << "flowmyna-outbox-seen 1 x 7 99 99 0\n";
  EXPECT_EQ(open()->stats().epoch, 0U) << "with one that is torn";
  EXPECT_TRUE(SeenFile(path).read()) << "it is whole again";
}

TEST_F(EpochTest, NorIsAPowerCutThatTakesWhatWasNotSynced) {
  TestDisk disk;
  const std::string lost = other.file("outbox.db");
  {
    auto storage = SqliteStorage::open({path, kQuotaBytes, false});
    for (int i = 0; i < 30; ++i) {
      accept(**storage, std::vector<std::string>(1000, "x"));
      if (i % 10 == 5)
        while ((*storage)->shrink().value()) continue;
    }
    ASSERT_GT((*storage)->stats().accepted, 0U);
    disk.cut_power(fs::path(path).parent_path(), fs::path(lost).parent_path());
    copy(path + ".seen", lost + ".seen");
  }
  const auto after = open(lost);
  EXPECT_LT(after->stats().accepted, 30'000U) << "something was lost";
  EXPECT_EQ(after->stats().epoch, 0U);
}

TEST_F(EpochTest, NorASalvage) {
  {
    const auto storage = open();
    accept(*storage, {"a", "b"});
    deliver(*storage, 1);  // the last that the counters tell
    accept(*storage, std::vector<std::string>(3000, "x"));
    accept(*storage, {"the-last-one"});
  }
  std::string bytes = bytes_of(path);
  const auto page = bytes.find("the-last-one") / 4096 * 4096;
  bytes.replace(page, 4096, 4096, '\0');
  std::ofstream(path, std::ios::binary) << bytes;
  const auto storage = open();
  EXPECT_FALSE(storage->stats().damaged_file.empty());
  EXPECT_GE(storage->stats().last_receipt, 3003U) << "none is given twice";
  EXPECT_EQ(storage->stats().epoch, 0U) << "nothing that waits may have been delivered before";
}

TEST_F(EpochTest, ASalvageKeepsIt) {
  const auto storage = open();
  accept(*storage, {"a", "b", "c"});
  const std::string backup = back_up(*storage);
  {
    const auto restored = open(backup, "machine-1");
    accept(*restored, {"d", "e"});
  }
  execute(backup, "UPDATE operation SET row = zeroblob(40) WHERE seq = 2");
  auto restored = open(backup, "machine-1");
  must(restored->salvage());
  EXPECT_EQ(restored->stats().lost, 1U);
  EXPECT_TRUE(restored->stats().lost_is_exact);
  EXPECT_EQ(epoch_of(*restored), "epoch 1, accepted 5, last " + std::to_string(kNext + 2) +
                                     ", pending 4, doubtful through 3");
  restored.reset();
  EXPECT_EQ(integer(backup, "SELECT machine = 'machine-1' FROM state"), 1);
}

TEST_F(EpochTest, ASalvageThatCannotReadItTellsItFromWhatWasSkipped) {
  const auto storage = open();
  accept(*storage, {"a", "b", "c"});
  const std::string backup = back_up(*storage);
  { accept(*open(backup), {"d", "e"}); }
  execute(backup, "UPDATE state SET delivered = -5");
  const auto restored = open(backup);
  EXPECT_EQ(restored->stats().accepted, 5U);
  EXPECT_EQ(restored->stats().pending(), 5U);
  EXPECT_EQ(restored->stats().epoch, 1U);
}

TEST_F(EpochTest, EventsThatWaitAreHeldAtOnceWhereThatIsWanted) {
  const auto storage = open();
  accept(*storage, {"a"});
  for (int i = 0; i < 5; ++i) accept_event(*storage, std::to_string(i));
  seal(*storage, 9, {{2}});
  const std::string backup = back_up(*storage);
  const auto restored = open(backup, "", false, true);
  EXPECT_EQ(states(*restored, 6), "-ppxxxx") << "of what is sealed the foreman decides";
  EXPECT_EQ(restored->stats().dead, 4U);
  EXPECT_EQ(restored->stats().duplicates_possible, 4U);
  EXPECT_EQ(restored->stats().pending(), 2U);
  const auto letter = restored->dead_letter_of(4).value().value();
  EXPECT_EQ(letter.status, 0);
  EXPECT_EQ(letter.reason.substr(0, 17), "outcome unknown: ");
  // A person who retries one has decided.
  retry(*restored, letters(3, 4));
  EXPECT_EQ(restored->state(4).value(), ReceiptState::kPending);
}

TEST_F(EpochTest, OnAnotherMachineTheOutboxGetsAnotherName) {
  std::string name;
  {
    const auto storage = open(path, "machine-1");
    accept(*storage, {"a"});
    name = storage->id().value();
  }
  EXPECT_EQ(open(path, "machine-1")->id().value(), name);
  EXPECT_EQ(open(path, "")->id().value(), name) << "a container, for one, knows of none";
  const std::string clone = other.file("outbox.db");
  copy(path, clone);
  const std::string second = other.file("clone.db");
  copy(path, second);
  const auto there = open(clone, "machine-2");
  EXPECT_NE(there->id().value(), name);
  EXPECT_EQ(epoch_of(*there), "epoch 1, accepted 1, last " + std::to_string(kNext) +
                                  ", pending 1, doubtful through 1");
  EXPECT_NE(open(second, "machine-3")->id().value(), there->id().value());
  EXPECT_EQ(open(path, "machine-1")->id().value(), name) << "the first one is as it was";
}

TEST_F(EpochTest, OrIsSetAsideWhereThatIsWanted) {
  {
    const auto storage = open(path, "machine-1");
    accept(*storage, {"a", "b"});
  }
  const auto storage = open(path, "machine-2", true);
  EXPECT_EQ(epoch_of(*storage), "epoch 0, accepted 0, last 0, pending 0, doubtful through 0");
  EXPECT_EQ(accept(*storage, {"c"}), 1U);
  std::string aside;
  for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) {
    const std::string file = entry.path();
    if (file.find(".cloned-") != std::string::npos) aside = file;
  }
  ASSERT_FALSE(aside.empty());
  EXPECT_EQ(integer(aside, "SELECT count(*) FROM operation"), 2);
}

TEST_F(EpochTest, AnOutboxWithoutAMachineSettlesDownOnTheFirst) {
  { accept(*open(), {"a"}); }
  EXPECT_EQ(open(path, "machine-1")->stats().epoch, 0U);
  EXPECT_EQ(open(path, "machine-2")->stats().epoch, 1U);
  EXPECT_EQ(open(path, "machine-2")->stats().epoch, 1U);
}

}  // namespace
}  // namespace flowmyna::test
