#include "outbox/schema.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

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

TEST_F(SchemaTest, AMigrationThatFailsLeavesNothingHalfDone) {
  execute(path, "CREATE TABLE letter(mine)");  // stands in the way of the first step
  EXPECT_FALSE(SqliteStorage::open({path, 1U << 30, true}));
  EXPECT_EQ(integer(path, "PRAGMA user_version"), 0);
  EXPECT_EQ(integer(path, "SELECT count(*) FROM sqlite_master"), 1);
}

}  // namespace
}  // namespace flowmyna::test
