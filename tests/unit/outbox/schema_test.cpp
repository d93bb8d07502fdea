#include "outbox/schema.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "outbox/row.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

class SchemaTest : public testing::Test {
 protected:
  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");

  void expect_refused_untouched() {
    const std::string before = bytes_of(path);
    const std::string log_before = bytes_of(path + "-wal");
    const auto opened = SqliteStorage::open({path, 1U << 30, true});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, Error::Kind::kUnsupported);
    EXPECT_EQ(opened.error().message,
              "the outbox was written by a newer version (schema 99, this program knows " +
                  std::to_string(kSchemaVersion) +
                  "): install that version again, or set outbox.path to another file");
    EXPECT_TRUE(bytes_of(path) == before);
    EXPECT_TRUE(bytes_of(path + "-wal") == log_before);
    EXPECT_FALSE(std::filesystem::exists(path + "-shm"));
    EXPECT_FALSE(std::filesystem::exists(path + "-journal"));
  }
};

TEST_F(SchemaTest, ANewFileGetsTheVersionOfThisProgram) {
  open_storage(path);
  EXPECT_EQ(integer(path, "PRAGMA user_version"), kSchemaVersion);
}

TEST_F(SchemaTest, AFileOfThisVersionIsOpenedAsItIs) {
  accept(*open_storage(path), {"a"});
  EXPECT_EQ(everything(*open_storage(path)), "1:a");
  EXPECT_EQ(integer(path, "PRAGMA user_version"), kSchemaVersion);
}

TEST_F(SchemaTest, AFileOfANewerVersionIsRefusedUntouched) {
  accept(*open_storage(path), {"a"});
  execute(path, "PRAGMA user_version = 99");
  expect_refused_untouched();
}

TEST_F(SchemaTest, AFileOfANewerVersionThatUsesNoWriteAheadLogIsRefusedUntouched) {
  execute(path, "CREATE TABLE future(x); PRAGMA user_version = 99");
  expect_refused_untouched();
}

TEST_F(SchemaTest, AFileOfANewerVersionThatWasKilledIsRefusedUntouched) {
  accept(*open_storage(path), {"a"});
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto connection = sqlite::Connection::open(path);
    (void)connection->execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA user_version = 99");
    kill(getpid(), SIGKILL);  // its write-ahead log stays behind
  }
  waitpid(child, nullptr, 0);
  ASSERT_GT(bytes_of(path + "-wal").size(), 0U);
  expect_refused_untouched();
}

// The schema of version 1, as it was released.
constexpr const char* kVersion1 = R"sql(
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  CREATE TABLE operation(seq INTEGER PRIMARY KEY, row BLOB NOT NULL);
  CREATE TABLE seal(id INTEGER PRIMARY KEY, row BLOB NOT NULL);
  CREATE TABLE letter(id INTEGER PRIMARY KEY, status INTEGER NOT NULL, reason TEXT NOT NULL,
                      attempts INTEGER NOT NULL, at INTEGER NOT NULL);
  CREATE TABLE dead(seq INTEGER PRIMARY KEY, letter INTEGER NOT NULL, row BLOB NOT NULL);
  CREATE TABLE state(id INTEGER PRIMARY KEY CHECK(id = 1), accepted INTEGER NOT NULL,
                     delivered INTEGER NOT NULL, dead INTEGER NOT NULL,
                     coalesced INTEGER NOT NULL, requests INTEGER NOT NULL,
                     duplicates_possible INTEGER NOT NULL);
  INSERT INTO state VALUES(1, 6, 2, 3, 1, 5, 4);
  PRAGMA user_version = 1;
)sql";

std::string hex(const std::string& bytes) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return "X'" + out + "'";
}

std::string operation_hex(Receipt receipt, const std::string& id) {
  std::string row;
  append_operation_row(row, receipt, {17, upserts({id})[0]});
  return hex(row);
}

TEST_F(SchemaTest, AFileOfVersion1KeepsItsOperationsSealsAndDeadLetters) {
  execute(path, kVersion1);
  for (const auto& [receipt, id] : {std::pair(2, "b"), std::pair(7, "g")}) {
    execute(path, "INSERT INTO operation VALUES(" + std::to_string(receipt) + ", " +
                      operation_hex(static_cast<Receipt>(receipt), id) + ")");
  }
  execute(path, "INSERT INTO letter VALUES(3, 422, 'no', 2, 99), (6, 400, 'never', 1, 98)");
  execute(path, "INSERT INTO dead VALUES(3, 3, " + operation_hex(3, "c") + "), (5, 3, " +
                    operation_hex(5, "e") + "), (6, 6, " + operation_hex(6, "f") + ")");
  const Seal seal{9, Kind::kUpsert, kKey, {{2}}};
  execute(path, "INSERT INTO seal VALUES(9, " + hex(make_seal_row(seal)) + ")");

  const auto storage = open_storage(path);
  EXPECT_EQ(everything(*storage), "2:b 7:g");
  EXPECT_EQ(storage->seals().value(), std::vector<Seal>{seal});
  EXPECT_EQ(text(storage->dead_letters(letters())),
            "3(422 no, 2 attempts, at 99): 3:c 5:e; 6(400 never, 1 attempts, at 98): 6:f");
  EXPECT_EQ(states(*storage, 8), "-dpxdxxp-");
  EXPECT_EQ(text(storage->stats()),
            "accepted 7, delivered 2, dead 3, coalesced 1, requests 5, duplicates possible 4");
  drop(*storage, letter(3));
  retry(*storage, letters());
  EXPECT_EQ(states(*storage, 8), "-dpodopp-");
  EXPECT_EQ(storage->stats().pending(), 3U);
}

TEST_F(SchemaTest, AMigrationThatFailsLeavesNothingHalfDone) {
  execute(path, "CREATE TABLE letter(mine)");  // stands in the way of the first step
  EXPECT_FALSE(SqliteStorage::open({path, 1U << 30, true}));
  EXPECT_EQ(integer(path, "PRAGMA user_version"), 0);
  EXPECT_EQ(integer(path, "SELECT count(*) FROM sqlite_master"), 1);
}

}  // namespace
}  // namespace flowmyna::test
