// A backup of an outbox that goes on being used.

#include "outbox/file/backup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "outbox/vault.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"
#include "tests/unit/outbox/waiting.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kQuotaBytes = 64ULL << 20;

class BackupTest : public testing::Test {
 protected:
  Receipt accept(std::size_t count, const std::string& prefix = "o",
                 std::size_t value_bytes = 1000) {
    OperationList backlog;
    for (std::size_t i = 0; i < count; ++i) {
      backlog.upsert("Order/" + prefix + std::to_string(i),
                     {{"v", '"' + std::string(value_bytes, 'x') + '"'}});
    }
    must(storage->begin());
    const Receipt first = storage->append(backlog.encoded_operations(), 1).value();
    commit(*storage);
    return first;
  }
  void deliver(Receipt first, Receipt last) {
    Settlement settlement;
    settlement.id = 1;
    for (Receipt receipt = first; receipt <= last; ++receipt) {
      settlement.delivered.push_back(receipt);
    }
    settle(*storage, settlement);
  }
  /// Goes on with it to its end, with what `between` does after each step.
  Result<BackupProgress> run(const std::function<void()>& between = [] {}) {
    while (true) {
      auto progress = storage->continue_backup();
      if (!progress || progress->is_ready) return progress;
      ++steps;
      if (!progress->is_checking) between();
      if (progress->is_checking && at_the_end_.empty()) at_the_end_ = content_of(*storage);
    }
  }
  /// Puts the backup to where an outbox can be opened.
  std::string restore() {
    const std::string copy = restored_.file("outbox.db");
    std::ofstream out(copy, std::ios::binary);
    for (std::uint64_t from = 0;;) {
      const std::string piece = storage->read_backup(from).value();
      if (piece.empty()) break;
      out << piece;
      from += piece.size();
    }
    return copy;
  }
  std::string files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) {
      names.insert(entry.path().filename());
    }
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : " ") + name;
    return out;
  }

  /// When it was copied.
  const std::string& at_the_end() const { return at_the_end_; }
  static std::string content_of(Storage& storage) {
    return everything(storage) + " | " + text(storage.stats());
  }

  const TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
  std::unique_ptr<SqliteStorage> storage = open_storage(path, kQuotaBytes);
  int steps = 0;

 private:
  const TemporaryDirectory restored_;
  std::string at_the_end_;
};

TEST_F(BackupTest, HoldsWhatTheOutboxHolds) {
  accept(3000);
  deliver(1, 10);
  settle(*storage, {{0, 1, 0}, 2, {}, {{{11}, 422, "no", 1, 1}}, {12}});
  must(storage->begin());
  must(storage->fold({13, {14, 15}}, upserts({"merged"})[0]));
  commit(*storage);
  const std::string content = everything(*storage);
  const std::string counters = text(storage->stats());
  must(storage->begin_backup());
  const auto made = run();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GT(steps, 5) << "in steps";
  const std::string copy = restore();
  EXPECT_EQ(fs::file_size(copy), made->file_bytes);
  EXPECT_EQ(integrity(copy), "ok");
  const auto restored = open_storage(copy, kQuotaBytes);
  EXPECT_EQ(everything(*restored), content);
  EXPECT_EQ(text(restored->stats()), counters);
  EXPECT_EQ(text(restored->dead_letters(letters())), text(storage->dead_letters(letters())));
}

TEST_F(BackupTest, WritersDoNotOutrunItAndAreInIt) {
  accept(2000);
  must(storage->begin_backup());
  int round = 0;
  // As much as a step copies, and more; and what was copied already leaves.
  const auto made = run([&] {
    if (++round > 40) return;
    const Receipt first = accept(1200, "r" + std::to_string(round) + "-");
    deliver(first - 300, first - 1);
    while (storage->shrink().value()) continue;
  });
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GT(round, 40);
  EXPECT_TRUE(content_of(*open_storage(restore(), kQuotaBytes)) == at_the_end());
}

TEST_F(BackupTest, WhatIsRolledBackIsNotInIt) {
  accept(2000);
  must(storage->begin_backup());
  ASSERT_TRUE(storage->continue_backup());
  must(storage->begin());
  storage->append(upserts(std::vector<std::string>(30'000, "never")), 1).value();
  storage->rollback();
  const auto made = run();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(everything(*open_storage(restore(), kQuotaBytes)), everything(*storage));
}

TEST_F(BackupTest, EndsWhereItBeginsAnewAgainAndAgain) {
  accept(5000);
  must(storage->begin_backup());
  const auto made = run([&] {
    must(storage->begin());
    // More than the cache holds, so it is in the log when it is rolled back.
    storage->append(upserts(std::vector<std::string>(60'000, "never")), 1).value();
    storage->rollback();
    if (steps > 200) storage->end_backup();  // it would go on for ever
  });
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("rolled back again and again"), std::string::npos)
      << made.error().message;
  EXPECT_EQ(accept(1), 5001U) << "the outbox goes on";
}

TEST_F(BackupTest, PutBackBesideTheLogOfTheFileThatItReplacesItIsItself) {
  accept(10);
  must(storage->begin_backup());
  ASSERT_TRUE(run());
  const std::string copy = restore();
  const std::string content = everything(*storage);
  accept(20);
  ASSERT_GT(fs::file_size(path + "-wal"), 0U);
  fs::copy_file(path + "-wal", copy + "-wal");  // as kill -9 leaves it
  {
    const auto restored = open_storage(copy, kQuotaBytes);
    EXPECT_EQ(everything(*restored), content);
  }
  EXPECT_EQ(integrity(copy), "ok");
  std::size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(copy).parent_path())) {
    if (entry.path().string().find(".other-") != std::string::npos) ++kept;
  }
  EXPECT_EQ(kept, 1U) << "it is not deleted";
}

TEST_F(BackupTest, LeavesNoFileBehind) {
  accept(1000);
  const std::string before = files();
  must(storage->begin_backup());
  ASSERT_TRUE(storage->continue_backup());
  EXPECT_NE(files(), before);
  storage->end_backup();
  EXPECT_EQ(files(), before);
  EXPECT_EQ(storage->continue_backup().error().kind, Error::Kind::kInvalid);
  must(storage->begin_backup());
  ASSERT_TRUE(run());
  EXPECT_EQ(files(), before) << "one that is ready has no name";
}

TEST_F(BackupTest, OfOneThatDiedTheNextStartRemovesTheFile) {
  storage.reset();
  std::ofstream(path + ".backup") << "a part of a copy";
  storage = open_storage(path, kQuotaBytes);
  EXPECT_FALSE(fs::exists(path + ".backup"));
}

TEST_F(BackupTest, IsForItsOwnerAlone) {
  accept(1000);
  must(storage->begin_backup());
  EXPECT_EQ(fs::status(path + ".backup").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(BackupTest, EndsWithTheFileThatItIsACopyOf) {
  accept(3000);
  must(storage->begin_backup());
  ASSERT_TRUE(storage->continue_backup());
  must(storage->reopen());
  EXPECT_EQ(storage->continue_backup().error().kind, Error::Kind::kInvalid);
  EXPECT_EQ(accept(1), 3001U);
  EXPECT_FALSE(fs::exists(path + ".backup"));
}

TEST_F(BackupTest, ADamagedOperationIsFoundAtItsEnd) {
  accept(3000);
  storage.reset();
  // In the middle, where no start looks.
  execute(path, "UPDATE operation SET row = zeroblob(100) WHERE seq = 1500");
  storage = open_storage(path, kQuotaBytes);
  must(storage->begin_backup());
  const auto made = run();
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("operation 1500 fails its checksum"), std::string::npos)
      << made.error().message;
  EXPECT_EQ(made.error().kind, Error::Kind::kIo) << "no reason to set the outbox aside";
}

TEST_F(BackupTest, SoIsAnOperationThatIsMissing) {
  accept(3000);
  storage.reset();
  execute(path, "DELETE FROM operation WHERE seq = 1500");
  storage = open_storage(path, kQuotaBytes);
  must(storage->begin_backup());
  const auto made = run();
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("2999 operations, but 3000 are counted"), std::string::npos)
      << made.error().message;
}

TEST_F(BackupTest, WithoutRoomOnTheDiskThereIsNone) {
  accept(10);
  const auto begun =
      Backup::begin(sqlite::Connection::open(directory.file("x")).value(), path, 1ULL << 62);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().kind, Error::Kind::kFull);
  EXPECT_FALSE(fs::exists(path + ".backup"));
}

TEST_F(BackupTest, OneAtATimeAndByItsName) {
  Vault vault(std::move(storage), [] {});
  const auto begin = [&](const std::string& id) {
    Asked<void> asked;
    vault.begin_backup(id, asked.done());
    return asked.wait();
  };
  const auto go_on = [&](const std::string& id) {
    Asked<BackupProgress> asked;
    vault.continue_backup(id, asked.done());
    return asked.wait();
  };
  EXPECT_EQ(go_on("").error().kind, Error::Kind::kInvalid);
  must(begin("first"));
  EXPECT_EQ(begin("second").error().kind, Error::Kind::kBusy);
  EXPECT_EQ(go_on("second").error().kind, Error::Kind::kInvalid);
  for (auto progress = go_on("first"); !progress.value().is_ready; progress = go_on("first")) {
  }
  Asked<std::string> read;
  vault.read_backup("first", 0, read.done());
  EXPECT_EQ(read.wait().value().substr(0, 15), "SQLite format 3");
  Asked<void> ended;
  vault.end_backup("first", ended.done());
  must(ended.wait());
  must(begin("second"));
}

}  // namespace
}  // namespace flowmyna::test
