// What the outbox's file keeps of folded operations: enough to tell each receipt what became of it,
// no more than a few pages for each step, and nothing for long of what was delivered.

#include "outbox/tables/fold_map.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "outbox/compactor.h"
#include "outbox/file/backup.h"
#include "outbox/salvage/salvage.h"
#include "outbox/tables/schema.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

/// What this process has written so far, the kernel's cache included.
std::uint64_t bytes_written() {
  std::ifstream in("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (in >> name >> value) {
    if (name == "wchar:") return value;
  }
  return 0;
}

class FoldMapTest : public testing::Test {
 protected:
  static constexpr std::size_t kStep = 2048;

  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");

  /// Objects that take turns, and a step of compaction.
  void write_and_fold(SqliteStorage& storage, std::size_t objects) {
    OperationList backlog;
    for (std::size_t i = 0; i < kStep; ++i) {
      backlog.upsert("Order/" + std::to_string(i % objects), {{"n", std::to_string(i)}});
    }
    must(storage.begin());
    storage.append(backlog.encoded_operations(), 1).value();
    commit(storage);
    must(storage.begin());
    const auto step = compactor_.step(storage, {{}, kStep, 1U << 30, storage.stats().last_receipt});
    ASSERT_TRUE(step) << step.error().message;
    commit(storage);
  }
  void deliver_all(SqliteStorage& storage) {
    Settlement all;
    const auto window = storage.read(limits());
    for (const auto& row : window->rows()) all.delivered.push_back(row.receipt);
    settle(storage, all);
  }
  std::int64_t maps() { return integer(path, "SELECT count(*) FROM fold_map"); }
  static void shrink(SqliteStorage& storage) {
    while (storage.shrink().value()) continue;
  }
  static std::string state(SqliteStorage& storage, Receipt receipt) {
    return states(storage, receipt).substr(receipt);
  }

 private:
  Compactor compactor_{PlanOptions{}};
};

TEST_F(FoldMapTest, HoweverOftenAnObjectWasFoldedAStepWritesNoMore) {
  const auto storage = open_storage(path);
  std::vector<std::uint64_t> written;
  for (int step = 0; step < 40; ++step) {
    const std::uint64_t before = bytes_written();
    write_and_fold(*storage, 3);
    must(storage->refresh());
    written.push_back(bytes_written() - before);
  }
  std::uint64_t early = 0;
  std::uint64_t late = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    early += written[5 + i];
    late += written[30 + i];
  }
  EXPECT_LT(late, early + early / 5);
}

TEST_F(FoldMapTest, WhatItKeepsOfAnOperationIsAByteOrTwo) {
  for (const std::size_t objects : {1U, 250U}) {
    {
      const auto storage = open_storage(path);
      for (int step = 0; step < 10; ++step) write_and_fold(*storage, objects);
      deliver_all(*storage);
    }
    const auto bytes = integer(path, "SELECT sum(length(row)) FROM fold_map");
    EXPECT_LT(bytes, static_cast<std::int64_t>(25 * kStep)) << objects << " objects";
    execute(path, "DELETE FROM fold_map");
  }
}

TEST_F(FoldMapTest, WhenNobodyWantsAnythingWhatWasDeliveredIsForgotten) {
  {
    const auto storage = open_storage(path);
    write_and_fold(*storage, 3);
    deliver_all(*storage);
    write_and_fold(*storage, 3);
    shrink(*storage);
  }
  EXPECT_EQ(maps(), 3) << "of the second half, which begins within a row";
  {
    const auto storage = open_storage(path);
    EXPECT_EQ(states(*storage, 5), "-ddddd");
    EXPECT_EQ(state(*storage, kStep + 5), "p");
    deliver_all(*storage);
    shrink(*storage);
    EXPECT_EQ(state(*storage, kStep + 5), "d");
  }
  EXPECT_EQ(maps(), 0);
}

TEST_F(FoldMapTest, AnAgentThatIsNeverIdleKeepsNoMoreThanWhatWaits) {
  {
    const auto storage = open_storage(path);
    for (int outage = 0; outage < 30; ++outage) {
      write_and_fold(*storage, 3);
      write_and_fold(*storage, 3);
      deliver_all(*storage);
    }
  }
  EXPECT_LT(maps(), 20) << "of 120 that were written";
}

TEST_F(FoldMapTest, WhatIsDeadOrDroppedIsNotForgottenWithTheRest) {
  const auto storage = open_storage(path);
  write_and_fold(*storage, 3);
  Settlement settlement;
  settlement.dead = {{{1}, 422, "no", 1, 99}, {{2}, 422, "no", 1, 99}};
  settlement.delivered = {3};
  settle(*storage, settlement);
  drop(*storage, letter(2));
  shrink(*storage);
  EXPECT_EQ(states(*storage, 9), "-xodxodxod");
  EXPECT_EQ(state(*storage, kStep - 2), "d");
  EXPECT_EQ(state(*storage, kStep - 1), "x");
  EXPECT_EQ(state(*storage, kStep), "o");
}

class DamagedFoldMapTest : public FoldMapTest {
 protected:
  /// 1 is dead and 2 pending, each with every third of the rest; 3 and its own are delivered.
  void SetUp() override {
    const auto storage = open_storage(path);
    write_and_fold(*storage, 3);
    Settlement settlement;
    settlement.dead = {{{1}, 422, "no", 1, 99}};
    settlement.delivered = {3};
    settle(*storage, settlement);
  }
};

TEST_F(DamagedFoldMapTest, OfWhatItCannotReadAReceiptSaysThatNobodyKnows) {
  execute(path, "UPDATE fold_map SET row = X'00' WHERE map = 1");
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->state(4).error().kind, Error::Kind::kCorrupt);
  must(storage->salvage());
  EXPECT_EQ(states(*storage, 6), "-xp----");
  EXPECT_EQ(storage->state(4).value(), ReceiptState::kMaybeLost);
  EXPECT_EQ(state(*storage, kStep - 3), "p") << "of a row that can be read";
  EXPECT_EQ(state(*storage, kStep - 1), "x");
  EXPECT_EQ(storage->stats().lost, 0U);
}

TEST_F(DamagedFoldMapTest, AlsoWhenNoneOfItCanBeRead) {
  const auto page =
      static_cast<std::size_t>(integer(path,
                                       "SELECT rootpage FROM sqlite_schema WHERE name = "
                                       "'fold_map'"));
  std::string bytes = bytes_of(path);
  bytes.replace((page - 1) * 4096, 4096, 4096, '\0');
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  ASSERT_TRUE(salvage(path, {1'700'000'000, true}));
  const auto storage = open_storage(path);
  EXPECT_EQ(states(*storage, 6), "-xp----");
  EXPECT_EQ(storage->state(kStep).value(), ReceiptState::kMaybeLost);
  EXPECT_EQ(accept(*storage, {"next"}), kStep + 1);
  EXPECT_EQ(state(*storage, kStep + 1), "p");
  settle(*storage, [] {
    Settlement next;
    next.delivered = {kStep + 1};
    return next;
  }());
  EXPECT_EQ(state(*storage, kStep + 1), "d") << "what came later is known";
  settle(*storage, [] {
    Settlement older;
    older.delivered = {2};
    return older;
  }());
  EXPECT_EQ(states(*storage, 3), "-xd-") << "and so is what was there";
}

TEST_F(DamagedFoldMapTest, WhatALostRowStoodForIsLostWithItAndNothingElse) {
  execute(path, "UPDATE operation SET row = X'00' WHERE seq = 2");
  const auto storage = open_storage(path);
  EXPECT_EQ(states(*storage, 9), "-x-dx-dx-d");
  EXPECT_EQ(storage->state(8).value(), ReceiptState::kMaybeLost);
  EXPECT_EQ(storage->stats().lost, static_cast<std::uint64_t>(kStep / 3 + 1));
}

TEST_F(DamagedFoldMapTest, ASalvagedFileTellsAsMuchAsTheDamagedOne) {
  ASSERT_TRUE(salvage(path, {1'700'000'000, true}));
  const auto storage = open_storage(path);
  EXPECT_EQ(states(*storage, 9), "-xpdxpdxpd");
}

TEST_F(DamagedFoldMapTest, ABackupThatCannotTellIsNoBackup) {
  execute(path, "UPDATE fold_map SET row = X'00' WHERE map = 2");
  const auto storage = open_storage(path);
  must(storage->begin_backup());
  Result<BackupProgress> progress = BackupProgress{};
  while (progress && !progress->is_ready) progress = storage->continue_backup();
  ASSERT_FALSE(progress);
  EXPECT_NE(progress.error().message.find("fold map 2 fails its checksum"), std::string::npos)
      << progress.error().message;
}

/// A file as version 6 left it: 1 stands for two of 2 to 6, as a dead letter, and 8 for one of 9
/// and
/// 10. Of what has no row then, nobody knows which it was.
class Version6Test : public testing::Test {
 protected:
  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");

  void SetUp() override {
    const auto connection = sqlite::Connection::open(path).value();
    must(connection.execute(kNewFilePragma));
    must(migrate(connection, 6));
    for (const Receipt receipt : {4U, 8U, 11U})
      insert(connection, "operation VALUES(?, ?)", receipt);
    insert(connection, "dead VALUES(?, 1, ?)", 1);
    must(
        connection.execute("INSERT INTO letter VALUES(1, 422, 'no', 1, 99);"
                           "INSERT INTO dropped VALUES(7, 7);"
                           "INSERT INTO folded VALUES(1, 6, 2), (7, 9, 1), (8, 10, 1);"
                           "UPDATE state SET accepted = 11, delivered = 2, dead = 3, dropped = 2"));
  }
  static void insert(const sqlite::Connection& connection, const std::string& into,
                     Receipt receipt) {
    std::string row;
    append_operation_row(row, receipt, {1, upserts({"a"})[0]});
    auto insert = sqlite::Statement::prepare(connection, ("INSERT INTO " + into).c_str()).value();
    must(insert.bind(static_cast<std::int64_t>(receipt)).bind(row).run());
  }
};

TEST_F(Version6Test, OfWhatItFoldedAReceiptSaysThatNobodyKnows) {
  for (int run = 0; run < 2; ++run) {
    const auto storage = open_storage(path);
    EXPECT_EQ(storage->stats().damaged_file, "");
    EXPECT_EQ(states(*storage, 12), "-x??p??op??p-");
    EXPECT_EQ(storage->stats().pending(), 4U);
    while (storage->shrink().value()) continue;
  }
}

TEST_F(Version6Test, OnceTheRowIsDeliveredItIsKnownThatAllWere) {
  const auto storage = open_storage(path);
  retry(*storage, letters());
  EXPECT_EQ(states(*storage, 11), "-p??p??op??p");
  Settlement settlement;
  settlement.delivered = {1};
  settle(*storage, settlement);
  EXPECT_EQ(states(*storage, 11), "-dddpddop??p");
  EXPECT_EQ(storage->stats().delivered, 5U);
}

TEST_F(Version6Test, WhatIsFoldedFromNowOnIsKnown) {
  const auto storage = open_storage(path);
  must(storage->begin());
  must(storage->fold({4, {8, 11}}, upserts({"A"})[0]));
  must(storage->commit());
  EXPECT_EQ(states(*storage, 11), "-x??p??op??p") << "9 or 10 is in 8, which is in 4";
  Settlement settlement;
  settlement.delivered = {4};
  settle(*storage, settlement);
  EXPECT_EQ(states(*storage, 11), "-x??d??od?dd");
  EXPECT_EQ(storage->stats().delivered, 6U);
}

TEST_F(Version6Test, ASalvageOfItKnowsAsLittle) {
  ASSERT_TRUE(salvage(path, {1'700'000'000, true}));
  const auto storage = open_storage(path);
  EXPECT_EQ(states(*storage, 12), "-x??p??op??p-");
  EXPECT_EQ(storage->stats().lost, 0U);
}

TEST_F(Version6Test, ABackupOfItIsWhole) {
  const auto storage = open_storage(path);
  must(storage->begin_backup());
  Result<BackupProgress> progress = BackupProgress{};
  while (progress && !progress->is_ready) progress = storage->continue_backup();
  EXPECT_TRUE(progress) << progress.error().message;
}

}  // namespace
}  // namespace flowmyna::test
