// What is there after a crash, a power cut, a full disk and a failing one.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "outbox/file/sqlite_storage.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"
#include "tests/unit/outbox/test_disk.h"

namespace flowmyna::test {
namespace {

class SqliteCrashTest : public testing::Test {
 protected:
  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
  const std::string folder = std::filesystem::path(path).parent_path();

  /// What an agent finds after the power came back.
  std::string after_power_cut(const TestDisk& disk) {
    const TemporaryDirectory other;
    const std::string copy = other.file("outbox.db");
    disk.cut_power(folder, std::filesystem::path(copy).parent_path());
    std::string found = everything(*open_storage(copy));
    EXPECT_EQ(integrity(copy), "ok");
    return found;
  }
};

/// Accepts and settles for ever, and tells each receipt once it is committed.
[[noreturn]] void write_until_killed(const std::string& path, int out) {
  const auto storage = open_storage(path);
  for (RequestId id = 1;; ++id) {
    const Receipt first = accept(*storage, {"a", "b", "c"});
    seal(*storage, id, {{first}, {first + 1}});
    if (id % 2 == 0) {
      Settlement settlement;
      settlement.id = id;
      settlement.delivered = {first, first + 1};
      settle(*storage, settlement);
    }
    if (write(out, &first, sizeof first) != sizeof first) _exit(1);
  }
}

TEST_F(SqliteCrashTest, AfterAKillEverythingThatWasCommittedIsThere) {
  Receipt told_before = 0;
  for (int round = 0; round < 5; ++round) {
    std::filesystem::remove(path);
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(path, pipes[1]);
    close(pipes[1]);
    Receipt told = 0;
    for (int i = 0; i <= 20 * round; ++i) ASSERT_EQ(read(pipes[0], &told, sizeof told), 8);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(pipes[0], &told, sizeof told) == 8) {
    }
    close(pipes[0]);
    ASSERT_GT(std::filesystem::file_size(path + "-wal"), 0U);

    const auto storage = open_storage(path);
    EXPECT_GE(storage->stats().accepted, told + 2);
    const std::string found = states(*storage, told + 2);
    for (Receipt receipt = 1; receipt <= told + 2; ++receipt) {
      const bool is_settled = receipt % 6 == 4 || receipt % 6 == 5;
      ASSERT_EQ(found[receipt], is_settled ? 'd' : 'p') << receipt;
    }
    EXPECT_TRUE(storage->read(limits()));
    EXPECT_TRUE(storage->seals());
    told_before = told;
  }
  EXPECT_GT(told_before, 0U);
  EXPECT_EQ(integrity(path), "ok");
}

TEST_F(SqliteCrashTest, ACommitThatReturnedSurvivesAPowerCut) {
  TestDisk disk;
  const auto storage = open_storage(path);
  for (int i = 0; i < 10; ++i) {
    accept(*storage, {"a", "b"});
    EXPECT_EQ(after_power_cut(disk), everything(*storage));
    seal(*storage, 1 + static_cast<RequestId>(i), {{storage->stats().accepted}});
    Settlement settlement;
    settlement.id = 1 + static_cast<RequestId>(i);
    settlement.delivered = {storage->stats().accepted};
    settle(*storage, settlement);
    EXPECT_EQ(after_power_cut(disk), everything(*storage));
  }
}

TEST_F(SqliteCrashTest, ACheckpointLosesNothingInAPowerCut) {
  TestDisk disk;
  const auto storage = open_storage(path);
  OperationList backlog;
  backlog.upsert("Order/big", {{"v", std::string(100'000, '7')}});
  for (int i = 0; i < 60; ++i) {  // some 25 pages each: the log is checkpointed at 1000
    must(storage->begin());
    storage->append(backlog.encoded_operations(), 1).value();
    commit(*storage);
    ASSERT_EQ(after_power_cut(disk), everything(*storage)) << i;
  }
  EXPECT_GT(disk.syncs("outbox.db"), 0);
}

TEST_F(SqliteCrashTest, EveryCommitSyncsTheLogAndNothingElse) {
  TestDisk disk;
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  const int before = disk.syncs("-wal");
  const int all_before = disk.syncs("");
  for (int i = 0; i < 10; ++i) accept(*storage, {"a"});
  EXPECT_EQ(disk.syncs("-wal") - before, 10);
  EXPECT_EQ(disk.syncs("") - all_before, 10);
}

TEST_F(SqliteCrashTest, RelaxedDurabilitySyncsNoCommitAndLosesOnlyTheNewest) {
  TestDisk disk;
  const auto storage = open_storage(path, 1U << 30, false);
  accept(*storage, {"a"});
  const int before = disk.syncs("");
  for (int i = 0; i < 10; ++i) accept(*storage, {"a"});
  EXPECT_EQ(disk.syncs(""), before);
  EXPECT_TRUE(everything(*storage).starts_with(after_power_cut(disk)));
}

TEST_F(SqliteCrashTest, TheRoomOfTheReserveGoesToTheLogBeforeSomebodyElseTakesIt) {
  const TestDisk disk;
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  const int before = disk.syncs("outbox.db");
  EXPECT_TRUE(storage->give_up_reserve());
  EXPECT_FALSE(std::filesystem::exists(path + ".reserve"));
  EXPECT_EQ(disk.syncs("outbox.db"), before + 1) << "of a checkpoint";
  EXPECT_EQ(storage->tending(), Tending::kNotWanted);
}

TEST_F(SqliteCrashTest, AFailedSyncIsToldAlsoWhileTheReserveIsGivenUp) {
  TestDisk disk;
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  disk.sync_error = SQLITE_IOERR_FSYNC;
  const auto done = storage->give_up_reserve();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, Error::Kind::kIo);
}

TEST_F(SqliteCrashTest, AFullDiskOrQuotaRefusesWhatItCannotHoldAndKeepsTheRest) {
  TestDisk disk;
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  disk.write_errno = EDQUOT;
  for (const int error : {SQLITE_FULL, SQLITE_IOERR_WRITE}) {
    disk.write_error = error;
    must(storage->begin());
    Result<void> done = storage->append(upserts({"b"}), 1).map([](Receipt) {});
    if (done) done = storage->commit();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, Error::Kind::kFull) << done.error().message;
    storage->rollback();
    EXPECT_EQ(everything(*storage), "1:a");
  }
  disk.write_error = SQLITE_OK;
  EXPECT_EQ(accept(*storage, {"c"}), 2U);
  EXPECT_EQ(after_power_cut(disk), "1:a 2:c");
}

TEST_F(SqliteCrashTest, AfterAFailedSyncTheFileIsOpenedAnewAndBelieved) {
  TestDisk disk;
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  disk.sync_error = SQLITE_IOERR_FSYNC;
  must(storage->begin());
  storage->append(upserts({"b"}), 1).value();
  const auto committed = storage->commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, Error::Kind::kIo);
  storage->rollback();
  disk.sync_error = SQLITE_OK;
  must(storage->reopen());
  const std::string believed = everything(*storage);
  EXPECT_TRUE(believed == "1:a" || believed == "1:a 2:b") << believed;
  const Receipt next = storage->stats().accepted + 1;
  EXPECT_EQ(accept(*storage, {"c"}), next);
  EXPECT_EQ(after_power_cut(disk), everything(*storage));
}

TEST_F(SqliteCrashTest, WhatAFailedSyncLeftInTheCacheIsMadeSureOfAlsoByTheNextProcess) {
  TestDisk disk;
  {
    const auto storage = open_storage(path);
    accept(*storage, {"a"});
    must(storage->begin());
    storage->append(upserts({"b"}), 1).value();
    disk.sync_error = SQLITE_IOERR_FSYNC;
    EXPECT_FALSE(storage->commit());
    storage->rollback();
    EXPECT_FALSE(storage->reopen());  // still failing: its log stays behind, as after a kill
    disk.sync_error = SQLITE_OK;
  }
  const auto storage = open_storage(path);
  accept(*storage, {"c"});
  EXPECT_EQ(after_power_cut(disk), everything(*storage));
}

TEST_F(SqliteCrashTest, AFailedCheckpointIsToldAndAfterwardsNothingIsMissing) {
  TestDisk disk;
  const auto storage = open_storage(path, 1U << 20);  // a log of 63 pages
  Result<void> tended;
  for (int i = 0; tended && i < 200; ++i) {
    must(storage->begin());
    storage->append(upserts({"a"}), 1).value();
    must(storage->commit());
    disk.sync_error = SQLITE_IOERR_FSYNC;
    tended = storage->tend();
    disk.sync_error = SQLITE_OK;
  }
  ASSERT_FALSE(tended) << "no checkpoint within 200 commits";
  EXPECT_EQ(tended.error().kind, Error::Kind::kIo);
  must(storage->reopen());
  accept(*storage, {"b"});
  EXPECT_EQ(after_power_cut(disk), everything(*storage));
}

TEST_F(SqliteCrashTest, WithRelaxedDurabilityWhatLeavesIsSyncedWithAllBeforeIt) {
  TestDisk disk;
  const auto storage = open_storage(path, 1U << 30, false);
  accept(*storage, {"a", "b"});
  seal(*storage, 1, {{1}});
  EXPECT_EQ(after_power_cut(disk), "1:a 2:b");
}

TEST_F(SqliteCrashTest, AFileThatWasMovedAwayTakesNothingAndTheOneAtItsPathIsLeftAlone) {
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  const std::string aside = directory.file("aside.db");
  std::filesystem::rename(path, aside);
  std::filesystem::rename(path + "-wal", aside + "-wal");
  for (const bool has_successor : {false, true}) {
    if (has_successor) std::ofstream(path) << "somebody else's";
    must(storage->refresh());
    const auto admitted = storage->admit(1);
    ASSERT_FALSE(admitted);
    EXPECT_EQ(admitted.error().kind, Error::Kind::kIo);
    EXPECT_FALSE(storage->reopen());
  }
  EXPECT_EQ(bytes_of(path), "somebody else's");
  EXPECT_EQ(everything(*storage), "1:a");
  Settlement settlement;
  settlement.id = 1;
  settlement.delivered = {1};
  settle(*storage, settlement);
  std::filesystem::rename(aside, path);
  std::filesystem::rename(aside + "-wal", path + "-wal");
  must(storage->refresh());
  must(storage->admit(1));
  EXPECT_EQ(accept(*storage, {"b"}), 2U);
  EXPECT_EQ(everything(*storage), "2:b");
}

TEST_F(SqliteCrashTest, AnOutboxThatWasOpenOnceIsNotCreatedAnew) {
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  std::filesystem::rename(path, path + ".aside");
  EXPECT_FALSE(storage->reopen());
  EXPECT_FALSE(std::filesystem::exists(path));
  std::filesystem::rename(path + ".aside", path);
  must(storage->reopen());
  EXPECT_EQ(everything(*storage), "1:a");
}

TEST_F(SqliteCrashTest, WhileItCannotBeOpenedAgainNothingBegins) {
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  std::filesystem::remove(path + "-wal");
  std::filesystem::create_directory(path + "-wal");  // as good as a disk that fails
  EXPECT_FALSE(storage->reopen());
  const auto begun = storage->begin();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().kind, Error::Kind::kIo);
  storage->rollback();
  EXPECT_EQ(storage->stats().accepted, 1U);
  std::filesystem::remove(path + "-wal");
  must(storage->reopen());
  EXPECT_EQ(accept(*storage, {"b"}), 2U);
}

TEST_F(SqliteCrashTest, ReopeningFoldsNoLogIntoTheDatabaseThatMayNotBeOnTheDisk) {
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  const std::string database = bytes_of(path);
  const std::string log = bytes_of(path + "-wal");
  ASSERT_GT(log.size(), 4096U);
  must(storage->reopen());
  EXPECT_TRUE(bytes_of(path) == database);
  EXPECT_TRUE(bytes_of(path + "-wal") == log);
  EXPECT_EQ(everything(*storage), "1:a");
}

TEST_F(SqliteCrashTest, AReopenedFileWithoutItsCountersIsNotCountedFromMemory) {
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  const std::string other = directory.file("other.db");
  accept(*open_storage(other), {"x", "y"});
  execute(other, "DELETE FROM state");
  // The same files with another content, as a failing disk may bring them back.
  std::filesystem::copy_file(other, path, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::resize_file(path + "-wal", 0);
  must(storage->reopen());
  EXPECT_EQ(everything(*storage), "1:x 2:y");
  EXPECT_EQ(storage->stats().accepted, 2U);
}

/// Accepts until the quota is reached.
template <class Check>
void fill(SqliteStorage& storage, const EncodedOperations& some, const Check& check) {
  while (true) {
    must(storage.begin());
    if (!storage.admit(some.bytes())) break;
    storage.append(some, 1).value();
    commit(storage);
    check();
  }
  storage.rollback();
}

TEST_F(SqliteCrashTest, DatabaseAndLogStayUnderTheQuotaAndADrainMakesRoom) {
  for (const std::uint64_t quota : {1ULL << 20, 8ULL << 20}) {
    const std::string file = directory.file(std::to_string(quota) + ".db");
    // Without syncs it gets as large, and is faster.
    const auto storage = open_storage(file, quota, false);
    const auto check = [&] {
      ASSERT_LE(std::filesystem::file_size(file) + std::filesystem::file_size(file + "-wal"),
                quota);
    };
    const EncodedOperations some = upserts(std::vector<std::string>(20, std::string(200, 'x')));
    for (int round = 0; round < 3; ++round) {
      const Receipt before = storage->stats().accepted;
      fill(*storage, some, check);
      must(storage->reopen());
      fill(*storage, some, check);
      const Receipt last = storage->stats().accepted;
      EXPECT_GT((last - before) * 200, quota / 4) << "quota " << quota << ", round " << round;
      for (Receipt first = before + 1; first <= last; first += 20) {
        Settlement settlement;
        settlement.id = first;
        for (Receipt i = 0; i < 20; ++i) settlement.delivered.push_back(first + i);
        seal(*storage, first, {settlement.delivered});
        settle(*storage, settlement);
        check();
      }
    }
  }
}

}  // namespace
}  // namespace flowmyna::test
