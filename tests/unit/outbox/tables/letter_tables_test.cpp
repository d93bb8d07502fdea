// What only the file on disk can tell of dead letters: damage, and how little is remembered.

#include <gtest/gtest.h>

#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

class LetterTablesTest : public testing::Test {
 protected:
  /// Accepts an upsert for each letter of `names`, and has each of them die alone.
  void bury(const std::string& names) {
    const auto storage = open_storage(path);
    std::vector<std::string> ids;
    for (const char name : names) ids.emplace_back(1, name);
    const Receipt first = accept(*storage, ids);
    Settlement settlement;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      settlement.dead.push_back({{first + i}, 422, "no", 1, 99});
    }
    settle(*storage, settlement);
  }

  /// `1-3 7-7`
  std::string dropped_ranges() {
    const auto connection = sqlite::Connection::open(path).value();
    auto query = sqlite::Statement::prepare(connection, "SELECT first, last FROM dropped").value();
    std::string out;
    while (query.step().value()) {
      out += (out.empty() ? "" : " ") + std::to_string(query.integer(0)) + "-" +
             std::to_string(query.integer(1));
    }
    return out;
  }

  void drop_one(Receipt id) { drop(*open_storage(path), letter(id)); }

  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
};

TEST_F(LetterTablesTest, DroppedNeighboursAreOneRange) {
  bury("abcdefgh");
  drop_one(2);
  drop_one(6);
  EXPECT_EQ(dropped_ranges(), "2-2 6-6");
  drop_one(3);  // behind a range
  drop_one(5);  // before one
  EXPECT_EQ(dropped_ranges(), "2-3 5-6");
  drop_one(4);  // between two
  EXPECT_EQ(dropped_ranges(), "2-6");
  drop_one(8);
  drop_one(1);
  EXPECT_EQ(dropped_ranges(), "1-6 8-8");
  EXPECT_EQ(states(*open_storage(path), 9), "-ooooooxo-");
}

TEST_F(LetterTablesTest, ADamagedOperationIsReportedAndTheListingGoesOn) {
  bury("ab");
  {
    const auto storage = open_storage(path);
    accept(*storage, {"c", "d"});
    Settlement settlement;
    settlement.dead.push_back({{3, 4}, 422, "no", 1, 99});
    settle(*storage, settlement);
  }
  execute(path, "UPDATE dead SET row = row || X'00' WHERE seq IN (1, 4)");
  const auto storage = open_storage(path);
  const std::string damaged = "1(422 no, 1 attempts, at 99):  !1";
  EXPECT_EQ(
      text(storage->dead_letters(letters())),
      damaged + "; 2(422 no, 1 attempts, at 99): 2:b; " + "3(422 no, 1 attempts, at 99): 3:c !4");
  EXPECT_EQ(text(storage->dead_letter_of(4)), "3(422 no, 1 attempts, at 99): 3:c !4");
}

TEST_F(LetterTablesTest, ALetterWithADamagedOperationIsNotRetriedButCanBeDropped) {
  bury("abc");
  execute(path, "UPDATE dead SET row = row || X'00' WHERE seq = 2");
  const auto storage = open_storage(path);
  EXPECT_EQ(text(retry(*storage, letters())), "2 letters, 2 operations, through 3, damaged 2");
  EXPECT_EQ(everything(*storage), "1:a 3:c");
  EXPECT_EQ(states(*storage, 3), "-pxp");
  EXPECT_EQ(text(drop(*storage, letters())), "2(422 no, 1 attempts, at 99):  !2");
  EXPECT_EQ(states(*storage, 3), "-pop");
  EXPECT_EQ(storage->stats().dead, 0U);
  EXPECT_EQ(storage->stats().dropped, 1U);
}

TEST_F(LetterTablesTest, ARetryTakesNoMoreAtOnceThanTheRoomThatIsKeptForSettling) {
  constexpr std::uint64_t kQuota = 8U << 20;  // 256 KiB of it are kept, a quarter of that is used
  const auto storage = open_storage(path, kQuota);
  Settlement settlement;
  for (Receipt receipt = 1; receipt <= 8; ++receipt) {
    OperationList backlog;
    backlog.upsert("Order/1", {{"v", std::string(30 * 1024, '7')}});
    must(storage->begin());
    storage->append(backlog.encoded_operations(), 1).value();
    must(storage->commit());
    settlement.dead.push_back({{receipt}, 422, "no", 1, 99});
  }
  settle(*storage, settlement);
  EXPECT_EQ(text(retry(*storage, letters())), "2 letters, 2 operations, through 2 …");
}

}  // namespace
}  // namespace flowmyna::test
