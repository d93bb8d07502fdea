#include "outbox/tables/schema.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "outbox/salvage/layout.h"
#include "outbox/salvage/salvage.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

/// Puts a stored file (fixtures/README.md) where a test wants it.
void unpack(const std::string& fixture, const std::string& to) {
  const gzFile in = gzopen((FLOWMYNA_FIXTURES "/" + fixture + ".gz").c_str(), "rb");
  if (in == nullptr) throw std::runtime_error("no fixture " + fixture);
  std::ofstream out(to, std::ios::binary);
  std::array<char, 4096> piece{};
  int size = 0;
  while ((size = gzread(in, piece.data(), piece.size())) > 0) out.write(piece.data(), size);
  gzclose(in);
}

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

TEST_F(SchemaTest, AFileOfVersion1KeepsWhatItsHotLogHolds) {
  unpack("version1.db", path);
  unpack("version1.db-wal", path + "-wal");
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->stats().damaged_file, "");
  EXPECT_EQ(everything(*storage), "2:b 7:g");
  EXPECT_EQ(text(storage->seals()), "9u0190{ 2 }");
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

TEST_F(SchemaTest, ADamagedFileOfVersion1IsSalvagedAsItIs) {
  unpack("version1.db", path);
  unpack("version1.db-wal", path + "-wal");
  const auto salvaged = salvage(path, {1'700'000'000, true});
  ASSERT_TRUE(salvaged) << salvaged.error().message;
  EXPECT_EQ(salvaged->lost, 0U);
  EXPECT_TRUE(salvaged->is_exact);
  const auto storage = open_storage(path);
  EXPECT_EQ(states(*storage, 8), "-dpxdxxp-");
  EXPECT_EQ(text(storage->seals()), "9u0190{ 2 }");
}

TEST_F(SchemaTest, AMigrationThatFailsLeavesNothingHalfDone) {
  unpack("version1.db", path);
  execute(path, "CREATE TABLE folded(mine)");  // stands in the way of the last table of version 2
  const auto connection = sqlite::Connection::open(path).value();
  const auto done = migrate(connection);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, Error::Kind::kCorrupt);
  EXPECT_EQ(connection.integer("PRAGMA user_version").value(), 1);
  EXPECT_EQ(connection.integer("SELECT count(*) FROM sqlite_schema").value(), 6);
}

TEST_F(SchemaTest, TablesBeginWhereTheFirstPageOfAnEmptyFileSaysHoweverOldTheFileIs) {
  unpack("version1.db", path);
  {
    const auto storage = open_storage(path);
    accept(*storage, std::vector<std::string>(500, "pages of operations"));
  }
  const auto connection = sqlite::Connection::open(path).value();
  const auto checked = check_layout(connection, empty_outbox(kSchemaVersion).value());
  EXPECT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(connection.integer("PRAGMA application_id").value(), 0) << "a layout of its own";
  EXPECT_LE(connection.integer("SELECT max(rootpage) FROM sqlite_schema").value(), kModelPagesMax);
  const std::string page = first_page(kSchemaVersion).value();
  EXPECT_EQ(page.size(), 4096U);
  EXPECT_EQ(page[100], 13) << "all of the schema stands on it";
}

TEST_F(SchemaTest, TheChecksumOfTheTablesIsThatOfEveryFileThatOnlyMigrationsHaveMade) {
  EXPECT_EQ(checksum_of_tables(empty_outbox(kSchemaVersion).value()).value(), kChecksumOfTables)
      << "the schema has changed: write down its new checksum";
  unpack("version1.db", path);
  open_storage(path);
  const auto connection = sqlite::Connection::open(path).value();
  EXPECT_EQ(checksum_of_tables(connection).value(), kChecksumOfTables);
  for (const char* change : {"ALTER TABLE damage ADD COLUMN more INTEGER", "DROP TABLE unmapped",
                             "DROP INDEX dead_by_letter", "CREATE TABLE mine(id)", "VACUUM"}) {
    const auto file = sqlite::Connection::open(path).value();
    const auto before = checksum_of_tables(file).value();
    ASSERT_TRUE(file.execute(change));
    EXPECT_NE(checksum_of_tables(file).value(), before) << change;
  }
}

}  // namespace
}  // namespace flowmyna::test
