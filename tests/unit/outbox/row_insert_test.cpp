#include "outbox/row_insert.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace flowmyna::sqlite::test {
namespace {

using Rows = std::vector<std::pair<std::int64_t, std::string>>;

/// Out of memory before the row with the key 0.
class Given final : public RowSource {
 public:
  explicit Given(Rows rows) : rows_(std::move(rows)) {}

  bool next() override {
    if (next_ == rows_.size()) return false;
    ++next_;
    if (key() == 0) throw std::bad_alloc();
    return true;
  }
  std::int64_t key() const override { return rows_[next_ - 1].first; }
  std::string_view blob() const override { return rows_[next_ - 1].second; }

 private:
  const Rows rows_;
  std::size_t next_ = 0;
};

class RowInsertTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(connection.execute("CREATE TABLE t(k INTEGER PRIMARY KEY, b BLOB)"));
    insert = *RowInsert::prepare(connection, "t", "k", "b");
  }

  Result<void> run(Rows rows) {
    Given given(std::move(rows));
    return insert.run(given);
  }

  Rows stored() const {
    auto read = *Statement::prepare(connection, "SELECT k, b FROM t ORDER BY k");
    Rows out;
    while (*read.step()) out.emplace_back(read.integer(0), read.blob(1));
    return out;
  }

  Connection connection = *Connection::open(":memory:");
  RowInsert insert;
};

TEST_F(RowInsertTest, InsertsEachRowAsItIs) {
  Rows rows;
  for (std::int64_t key = 1; key <= 1000; ++key) {
    rows.emplace_back(key * key,
                      std::string(static_cast<std::size_t>(key), static_cast<char>(key)));
  }
  ASSERT_TRUE(run(rows));
  EXPECT_EQ(stored(), rows);
}

TEST_F(RowInsertTest, InsertsNothingOfNothingAndThenAgain) {
  ASSERT_TRUE(run({}));
  ASSERT_TRUE(run({{1, "a"}}));
  ASSERT_TRUE(run({{2, ""}, {3, "c"}}));
  EXPECT_EQ(stored(), (Rows{{1, "a"}, {2, ""}, {3, "c"}}));
}

TEST_F(RowInsertTest, AKeyThatIsThereFailsAndLeavesNothingOnceRolledBack) {
  ASSERT_TRUE(run({{2, "b"}}));
  ASSERT_TRUE(connection.execute("BEGIN"));
  const auto done = run({{1, "x"}, {2, "x"}, {3, "x"}});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("UNIQUE constraint failed: t.k"), std::string::npos)
      << done.error().message;
  EXPECT_FALSE(connection.is_idle());
  ASSERT_TRUE(connection.execute("ROLLBACK"));
  EXPECT_EQ(stored(), (Rows{{2, "b"}}));
  ASSERT_TRUE(run({{1, "a"}}));
  EXPECT_EQ(stored(), (Rows{{1, "a"}, {2, "b"}}));
}

TEST_F(RowInsertTest, ASourceThatIsOutOfMemoryFails) {
  ASSERT_TRUE(connection.execute("BEGIN"));
  const auto done = run({{1, "x"}, {0, "x"}});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("out of memory"), std::string::npos) << done.error().message;
  // SQLite may have rolled back by itself.
  EXPECT_TRUE(connection.is_idle() || connection.execute("ROLLBACK"));
  EXPECT_EQ(stored(), Rows());
}

}  // namespace
}  // namespace flowmyna::sqlite::test
