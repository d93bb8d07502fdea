#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "outbox/file/sqlite_storage.h"
#include "outbox/sqlite/sqlite.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

class SqliteTest : public testing::Test {
 protected:
  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
};

TEST_F(SqliteTest, TheFileIsInWalModeWithIncrementalVacuum) {
  accept(*open_storage(path), {"a"});
  EXPECT_EQ(integer(path, "PRAGMA auto_vacuum"), 2);
  const std::string header = bytes_of(path).substr(0, 100);
  EXPECT_EQ(header[18], 2);  // https://www.sqlite.org/fileformat.html, write version: WAL
  EXPECT_EQ(header[19], 2);
}

TEST_F(SqliteTest, WhileItIsOpenThereIsALogAndNoSharedMemoryAndNobodyElseGetsIn) {
  const auto storage = open_storage(path);
  accept(*storage, {"a"});
  EXPECT_GT(std::filesystem::file_size(path + "-wal"), 0U);
  EXPECT_FALSE(std::filesystem::exists(path + "-shm"));
  const auto other = SqliteStorage::open({path, 1U << 30, true});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, Error::Kind::kBusy);
  accept(*storage, {"b"});
  EXPECT_EQ(everything(*storage), "1:a 2:b");
}

TEST_F(SqliteTest, ErrorsNameTheFileAndNotTheStatement) {
  accept(*open_storage(path), {"a"});
  const auto connection = sqlite::Connection::open(path, false);
  ASSERT_TRUE(connection) << connection.error().message;
  const std::string whole = "the outbox " + path + ": no such table: t (SQLite code 1)";
  EXPECT_EQ(connection->execute("DELETE FROM t").error().message, whole);
  EXPECT_EQ(connection->integer("SELECT 1 FROM t").error().message, whole);
  const char* sql = "INSERT INTO operation(seq) VALUES(NULL), (1), (1)";
  ASSERT_TRUE(connection->execute("PRAGMA query_only = ON"));
  auto statement = sqlite::Statement::prepare(*connection, sql);
  const std::string message =
      statement ? statement->run().error().message : statement.error().message;
  EXPECT_TRUE(message.starts_with("the outbox " + path + ": ")) << message;
  EXPECT_EQ(message.find("INSERT"), std::string::npos) << message;
}

TEST_F(SqliteTest, APageNumberBeyondAnyFileIsDamageAlthoughSqliteCallsTheDiskFull) {
  execute(path,
          "PRAGMA auto_vacuum = INCREMENTAL; CREATE TABLE gone(x); CREATE TABLE kept(x);"
          "INSERT INTO gone VALUES(zeroblob(9000)); INSERT INTO kept VALUES(zeroblob(9000));"
          "DELETE FROM gone");
  std::string bytes = bytes_of(path);
  // Of the last page, the one that leads to it (sqlite.org/fileformat2.html, "Pointer Map or Ptrmap
  // Pages"): page 2 begins with the entry of page 3.
  bytes.replace(4096 + 5 * (bytes.size() / 4096 - 3) + 1, 4, 4, '\xff');
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  const auto connection = sqlite::Connection::open(path).value();
  const auto vacuumed = connection.execute("PRAGMA incremental_vacuum");
  ASSERT_FALSE(vacuumed);
  EXPECT_EQ(vacuumed.error().kind, Error::Kind::kCorrupt) << vacuumed.error().message;
}

TEST_F(SqliteTest, ACleanCloseLeavesOneFileAndAnEmptyLog) {
  accept(*open_storage(path), {"a"});
  EXPECT_EQ(std::filesystem::file_size(path + "-wal"), 0U);
  EXPECT_EQ(integrity(path), "ok");
}

TEST_F(SqliteTest, ARecordThatClaimsToBeLargerThanAnyIsTakenForDamage) {
  const auto connection = sqlite::Connection::open(path).value();
  auto statement = sqlite::Statement::prepare(connection, "SELECT zeroblob(2000000000)").value();
  const auto row = statement.step();
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().kind, Error::Kind::kCorrupt) << row.error().message;
}

TEST_F(SqliteTest, ADamagedRowIsReportedAndTheOthersCanBeFetched) {
  accept(*open_storage(path), {"a", "b", "c"});
  execute(path, "UPDATE operation SET row = row || X'00' WHERE seq = 2");
  const auto storage = open_storage(path);
  const auto read = storage->read(limits());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, Error::Kind::kCorrupt);
  EXPECT_EQ(read.error().message, "operation 2 fails its checksum");
  EXPECT_EQ(storage->fetch({1, 2}).error().kind, Error::Kind::kCorrupt);
  EXPECT_EQ(text(storage->fetch({1, 3})), "1:a 3:c");
}

TEST_F(SqliteTest, ARowUnderAnotherReceiptIsDamage) {
  accept(*open_storage(path), {"a", "b"});
  execute(path, "UPDATE operation SET seq = 3 WHERE seq = 2");
  const auto storage = open_storage(path);
  EXPECT_EQ(everything(*storage), "1:a");
  EXPECT_EQ(storage->stats().lost, 1U);
}

TEST_F(SqliteTest, ADamagedSealIsReported) {
  {
    const auto storage = open_storage(path);
    accept(*storage, {"a"});
    seal(*storage, 5, {{1}});
  }
  execute(path, "UPDATE seal SET row = X'00'");
  const auto seals = open_storage(path)->seals();
  ASSERT_FALSE(seals);
  EXPECT_EQ(seals.error().kind, Error::Kind::kCorrupt);
  EXPECT_EQ(seals.error().message, "seal 5 is damaged");
}

TEST_F(SqliteTest, WithoutItsDirectoryTheErrorNamesTheFile) {
  const auto opened = SqliteStorage::open({directory.file("none/outbox.db"), 1U << 30, true});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, Error::Kind::kIo);
  EXPECT_TRUE(opened.error().message.starts_with("cannot open " + directory.file("none")));
}

TEST_F(SqliteTest, AMessageTakesLessOnDiskThanItsJson) {
  constexpr int kMessages = 20'000;
  std::string json;
  {
    OperationList backlog;
    for (int i = 0; i < kMessages; ++i) {
      backlog.upsert("Customer/CUST-" + std::to_string(1'000'000 + i),
                     {{"name", "\"Jane Doe\""},
                      {"email", "\"jane@example.com\""},
                      {"tier", "\"gold\""},
                      {"lifetime_value", "5420.00"},
                      {"signup_date", "\"2023-01-15\""},
                      {"last_order", "\"ORD-2024-0001234567\""},
                      {"region", "\"US-WEST\""}});
    }
    backlog.operations().front().append_json(json);
    const auto storage = open_storage(path);
    must(storage->begin());
    storage->append(backlog.encoded_operations(), 1'700'000'000).value();
    must(storage->commit());
  }
  const auto size = std::filesystem::file_size(path) / kMessages;
  RecordProperty("json_bytes", static_cast<int>(json.size()));
  RecordProperty("disk_bytes", static_cast<int>(size));
  EXPECT_LT(size, json.size());
}

TEST_F(SqliteTest, DeadLettersKeepTheApisWords) {
  {
    const auto storage = open_storage(path);
    accept(*storage, {"a", "b", "c"});
    Settlement settlement;
    settlement.dead.push_back({{1, 3}, 422, "no such tier", 7, 1'700'000'000});
    settle(*storage, settlement);
    EXPECT_EQ(states(*storage, 3), "-xpx");
  }
  EXPECT_EQ(integer(path,
                    "SELECT count(*) FROM letter WHERE id = 1 AND status = 422 AND "
                    "reason = 'no such tier' AND attempts = 7 AND at = 1700000000"),
            1);
  EXPECT_EQ(integer(path, "SELECT count(*) FROM dead WHERE letter = 1 AND seq IN (1, 3)"), 2);
}

}  // namespace
}  // namespace flowmyna::test
