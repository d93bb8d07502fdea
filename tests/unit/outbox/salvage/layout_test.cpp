// An outbox that another program has written anew (VACUUM, a restored .dump) is whole; another
// program's database is none.

#include "outbox/salvage/layout.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "outbox/tables/schema.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

/// As the sqlite3 program's `.dump` and `.read` do it: the tables and their rows, in the order in
/// which they were made, and nothing of what the file's header says.
void dump_and_restore(const std::string& from, const std::string& to) {
  const auto connection = sqlite::Connection::open(to).value();
  must(connection.execute(("ATTACH '" + from + "' AS old").c_str()));
  std::string script;
  auto tables = sqlite::Statement::prepare(
                    connection,
                    "SELECT sql || ';' || iif(type = 'table', format('INSERT INTO main.\"%w\" "
                    "SELECT * FROM old.\"%w\";', name, name), '') FROM old.sqlite_schema")
                    .value();
  while (tables.step().value()) script += tables.blob(0);
  must(connection.execute(script.c_str()));
}

class LayoutTest : public testing::Test {
 protected:
  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");

  /// Something in each table; what waits takes some hundred pages.
  void fill() {
    const auto storage = open_storage(path);
    accept(*storage, std::vector<std::string>(3'000, std::string(200, 'o')));
    Settlement settlement;
    settlement.delivered = {2};
    settlement.dead = {{{1}, 422, "no", 2, 99}, {{9}, 422, "no", 2, 99}};
    settle(*storage, settlement);
    drop(*storage, letter(9));
    seal(*storage, 9, {{4}, {8}});
    must(storage->begin());
    must(storage->fold({6, {7}}, upserts({"f"})[0]));
    must(storage->note_arrival({"export", "source", 7, 1, 3, {}, {}, {}, 0}));
    must(storage->commit());
  }
  static std::string all(Storage& storage) {
    ReadLimits all = limits(10'000);
    return std::to_string(storage.read(all)->size()) + " | " + text(storage.seals()) + " | " +
           text(storage.dead_letters(letters())) + " | " + states(storage, 12) + " | " +
           text(storage.stats()) + " | " + std::to_string(storage.arrived("export", "x")->lines);
  }
  void expect_whole(const std::string& before) {
    for (const char* time : {"first", "second"}) {
      const auto storage = open_storage(path);
      EXPECT_EQ(storage->stats().damaged_file, "") << time;
      EXPECT_EQ(all(*storage), before) << time;
      EXPECT_TRUE(storage->shrink());
    }
    EXPECT_EQ(integer(path, "PRAGMA user_version"), kSchemaVersion);
    EXPECT_EQ(accept(*open_storage(path), {"next"}), 3'001U);
  }
  void replace_by(const std::string& other) {
    fs::remove(path + "-wal");
    fs::rename(other, path);
  }
  std::int64_t noted() { return integer(path, "PRAGMA application_id"); }
  std::string files() {
    std::string out;
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) {
      out += entry.path().filename().string() + ' ';
    }
    return out;
  }
};

TEST_F(LayoutTest, AnOutboxThatWasVacuumedIsWhole) {
  fill();
  const std::string before = all(*open_storage(path));
  execute(path, "VACUUM");
  expect_whole(before);
}

TEST_F(LayoutTest, ACopyThatVacuumMadeIsWholeInTheOutboxesPlace) {
  fill();
  const std::string before = all(*open_storage(path));
  const std::string copy = directory.file("copy.db");
  execute(path, "VACUUM INTO '" + copy + "'");
  replace_by(copy);
  expect_whole(before);
}

TEST_F(LayoutTest, ARestoredDumpIsWholeThoughItTellsNoVersion) {
  fill();
  const std::string before = all(*open_storage(path));
  const std::string copy = directory.file("copy.db");
  dump_and_restore(path, copy);
  ASSERT_EQ(integer(copy, "PRAGMA user_version"), 0);
  replace_by(copy);
  expect_whole(before);
}

TEST_F(LayoutTest, PagesOfAnotherSizeAreNoDamage) {
  fill();
  const std::string before = all(*open_storage(path));
  execute(path, "PRAGMA journal_mode = DELETE; PRAGMA page_size = 16384; VACUUM");
  ASSERT_EQ(integer(path, "PRAGMA page_size"), 16'384);
  EXPECT_GE(open_storage(path)->stats().size_bytes, fs::file_size(path));
  expect_whole(before);
}

TEST_F(LayoutTest, ALayoutOfItsOwnIsLookedThroughOnceAndNoted) {
  fill();
  (void)open_storage(path);
  EXPECT_EQ(noted(), 0) << "what this program has made needs no note";
  execute(path, "VACUUM");
  (void)open_storage(path);
  EXPECT_NE(noted(), 0);
  // A page in the middle of the backlog: whoever looked through the file again would find it.
  std::string bytes = bytes_of(path);
  const std::size_t middle = bytes.size() / 4096 / 2 * 4096;
  bytes.replace(middle, 4096, 4096, '\0');
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->stats().damaged_file, "");
  // Once it is found, the tables are still read from where they stand.
  must(storage->salvage());
  EXPECT_GT(storage->stats().lost, 0U);
  EXPECT_LT(storage->stats().lost, 30U) << "more than a page";
  EXPECT_EQ(storage->arrived("export", "x")->lines, 3U);
  EXPECT_EQ(text(storage->seals()), "9u0190{ 4 }{ 8 }");
}

TEST_F(LayoutTest, AlsoADamagedFileIsReadByItsOwnLayoutThoughNobodyHasNotedIt) {
  fill();
  execute(path, "VACUUM");
  std::string bytes = bytes_of(path);
  bytes.replace(bytes.size() / 4096 / 2 * 4096, 4096, 4096, '\0');
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  const auto storage = open_storage(path);
  EXPECT_NE(storage->stats().damaged_file, "");
  EXPECT_GT(storage->stats().lost, 0U);
  EXPECT_LT(storage->stats().lost, 30U) << "more than a page";
  EXPECT_EQ(storage->arrived("export", "x")->lines, 3U);
}

/// The number in the first page that says where a table begins.
void lead_astray(const std::string& path, const std::string& table, const std::string& to) {
  execute(path, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = " + to +
                    " WHERE name = '" + table + "'; PRAGMA schema_version = 99");
}

TEST_F(LayoutTest, ATableThatIsNotWhereTheFirstPageSaysIsReadFromWhereItBelongs) {
  fill();
  const std::string before = all(*open_storage(path));
  // A page of the same table: what is read there is right, and a part of it.
  lead_astray(path, "operation", "40");
  const auto storage = open_storage(path);
  EXPECT_NE(storage->stats().damaged_file, "");
  EXPECT_EQ(storage->stats().lost, 0U);
  EXPECT_EQ(all(*storage), before);
}

TEST_F(LayoutTest, TheSameInALayoutOfItsOwnIsDamageToo) {
  fill();
  execute(path, "VACUUM");
  (void)open_storage(path);
  lead_astray(path, "arrival", "(SELECT rootpage FROM sqlite_schema WHERE name = 'lost')");
  EXPECT_NE(open_storage(path)->stats().damaged_file, "");
}

TEST_F(LayoutTest, ARestoredDumpGivesItsSpaceBackOnceItIsDrained) {
  fill();
  const std::string copy = directory.file("copy.db");
  dump_and_restore(path, copy);
  replace_by(copy);
  const auto storage = open_storage(path);
  ASSERT_GT(fs::file_size(path), 700'000U);
  Settlement settlement;
  for (Receipt receipt = 3; receipt <= 3'000; ++receipt) settlement.delivered.push_back(receipt);
  settlement.id = 9;
  settle(*storage, settlement);
  int steps = 0;
  while (storage->shrink().value() && steps < 1'000) ++steps;
  EXPECT_LT(steps, 1'000) << "it never ends";
  EXPECT_LT(fs::file_size(path), 100'000U);
  EXPECT_EQ(integer(copy, "PRAGMA auto_vacuum"), 0);
  EXPECT_EQ(states(*storage, 10), "-xdddddddod");
  EXPECT_EQ(accept(*storage, {"next"}), 3'001U);
}

TEST_F(LayoutTest, ARestoredDumpThatIsNotDrainedGoesOnWithTheSpaceThatItHas) {
  const auto big = std::string(1'000, 'o');
  {
    const auto storage = open_storage(path);
    accept(*storage, std::vector<std::string>(3'000, big));
  }
  const std::string copy = directory.file("copy.db");
  dump_and_restore(path, copy);
  replace_by(copy);
  const auto storage = open_storage(path);
  Settlement settlement;
  for (Receipt receipt = 1; receipt <= 1'000; ++receipt) settlement.delivered.push_back(receipt);
  settle(*storage, settlement);
  EXPECT_FALSE(storage->shrink().value()) << "it asks for another step, and another";
  EXPECT_EQ(storage->stats().pending(), 2'000U);
}

TEST_F(LayoutTest, AnotherProgramsDatabaseIsRefusedAndLeftAsItIs) {
  for (const char* sql : {"CREATE TABLE bookmark(url)",
                          "CREATE TABLE state(id INTEGER PRIMARY KEY); CREATE TABLE x(y);"
                          "PRAGMA user_version = 3",
                          "CREATE TABLE operation(seq, row); PRAGMA journal_mode = WAL"}) {
    fs::remove(path);
    execute(path, sql);
    const std::string before = bytes_of(path);
    const auto opened = SqliteStorage::open({path, 1U << 30, true});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, Error::Kind::kUnsupported);
    EXPECT_EQ(opened.error().message,
              path +
                  " is another program's database, and is left as it is: move it away, or set "
                  "outbox.path to another directory");
    EXPECT_TRUE(bytes_of(path) == before);
    EXPECT_EQ(files().find("damaged"), std::string::npos) << files();
  }
}

TEST_F(LayoutTest, AnOutboxWhoseTextWasRestoredInAnotherEncodingIsRefused) {
  fill();
  const std::string copy = directory.file("copy.db");
  execute(copy, "PRAGMA encoding = 'UTF-16'; CREATE TABLE x(y); DROP TABLE x");
  {
    const auto connection = sqlite::Connection::open(copy).value();
    for (const char* table : {"operation", "seal", "letter", "dead", "state"}) {
      must(connection.execute((std::string("CREATE TABLE ") + table + "(id)").c_str()));
    }
  }
  replace_by(copy);
  const auto opened = SqliteStorage::open({path, 1U << 30, true});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, Error::Kind::kUnsupported);
  EXPECT_NE(opened.error().message.find("UTF-8"), std::string::npos) << opened.error().message;
}

}  // namespace
}  // namespace flowmyna::test
