#include "outbox/tables/row_insert.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace flowmyna::sqlite::test {
namespace {

using Rows = std::vector<std::pair<std::int64_t, std::string>>;

constexpr const char* kOutOfMemory = "out of memory here";

class Given final : public BlobSource {
 public:
  explicit Given(std::vector<std::string> blobs) : blobs_(std::move(blobs)) {}

  bool next() override {
    if (next_ == blobs_.size()) return false;
    ++next_;
    if (blob() == kOutOfMemory) throw std::bad_alloc();
    return true;
  }
  std::string_view blob() const override { return blobs_[next_ - 1]; }

 private:
  const std::vector<std::string> blobs_;
  std::size_t next_ = 0;
};

class RowInsertTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(connection.execute("CREATE TABLE t(k INTEGER PRIMARY KEY, b BLOB)"));
    insert = *RowInsert::prepare(connection, "t", "k", "b");
  }

  Result<std::int64_t> run(std::int64_t first, std::vector<std::string> blobs) {
    Given given(std::move(blobs));
    return insert.run(first, given);
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

TEST_F(RowInsertTest, NumbersTheBlobsFromTheFirstKeyOn) {
  std::vector<std::string> blobs;
  Rows rows;
  for (std::size_t i = 0; i < 1000; ++i) {
    blobs.emplace_back(i, static_cast<char>(i));
    rows.emplace_back(70 + i, blobs.back());
  }
  EXPECT_EQ(run(70, blobs), 1000);
  EXPECT_EQ(stored(), rows);
}

TEST_F(RowInsertTest, KeysMayBeLeftOutBetweenTwoRuns) {
  EXPECT_EQ(run(1, {}), 0);
  EXPECT_EQ(run(1, {"a"}), 1);
  EXPECT_EQ(run(5, {"", "f"}), 2);
  EXPECT_EQ(run(9, {}), 0);
  EXPECT_EQ(stored(), (Rows{{1, "a"}, {5, ""}, {6, "f"}}));
}

TEST_F(RowInsertTest, AnEmptiedTableIsNotNumberedAnew) {
  EXPECT_EQ(run(1, {"a", "b", "c"}), 3);
  ASSERT_TRUE(connection.execute("DELETE FROM t"));
  EXPECT_EQ(run(4, {"d", "e"}), 2);
  EXPECT_EQ(stored(), (Rows{{4, "d"}, {5, "e"}}));
}

TEST_F(RowInsertTest, AKeyThatIsThereFailsAndLeavesNothingOnceRolledBack) {
  EXPECT_EQ(run(2, {"b"}), 1);
  ASSERT_TRUE(connection.execute("BEGIN"));
  const auto done = run(2, {"x", "x"});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("UNIQUE constraint failed: t.k"), std::string::npos)
      << done.error().message;
  EXPECT_FALSE(connection.is_idle());
  ASSERT_TRUE(connection.execute("ROLLBACK"));
  EXPECT_EQ(stored(), (Rows{{2, "b"}}));
  EXPECT_EQ(run(3, {"c"}), 1);
  EXPECT_EQ(stored(), (Rows{{2, "b"}, {3, "c"}}));
}

TEST_F(RowInsertTest, AHigherKeyInTheTableIsFoundOut) {
  EXPECT_EQ(run(7, {"g"}), 1);
  ASSERT_TRUE(connection.execute("BEGIN"));
  const auto done = run(2, {"x", "y"});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, Error::Kind::kCorrupt);
  ASSERT_TRUE(connection.execute("ROLLBACK"));
  EXPECT_EQ(stored(), (Rows{{7, "g"}}));
}

TEST_F(RowInsertTest, ASourceThatIsOutOfMemoryFails) {
  for (const auto& blobs : {std::vector<std::string>{kOutOfMemory, "x"}, {"x", kOutOfMemory}}) {
    ASSERT_TRUE(connection.execute("BEGIN"));
    const auto done = run(1, blobs);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message.find("out of memory"), std::string::npos)
        << done.error().message;
    // SQLite may have rolled back by itself.
    EXPECT_TRUE(connection.is_idle() || connection.execute("ROLLBACK"));
    EXPECT_EQ(stored(), Rows());
  }
}

}  // namespace
}  // namespace flowmyna::sqlite::test
