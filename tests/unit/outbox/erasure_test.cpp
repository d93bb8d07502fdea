// What has left the outbox is overwritten: no byte of it is in any of its files once it is idle.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kQuotaBytes = 32ULL << 20;

constexpr std::string_view kMarker = "marker-";

class ErasureTest : public testing::Test {
 protected:
  void accept(std::size_t count, std::size_t value_bytes = 300) {
    OperationList backlog;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string text = std::string(kMarker) + std::to_string(++last_) + ";";
      std::string value;
      while (value.size() < value_bytes) value += text;
      backlog.upsert("Order/" + std::to_string(last_), {{"v", '"' + value + '"'}});
    }
    must(storage->begin());
    storage->append(backlog.encoded_operations(), 1).value();
    commit(*storage);
  }
  void deliver(const std::vector<Receipt>& receipts) {
    Settlement settlement;
    settlement.id = 1;
    settlement.delivered = receipts;
    settle(*storage, settlement);
  }
  std::vector<Receipt> receipts(Receipt first, Receipt last, Receipt stride = 1) const {
    std::vector<Receipt> out;
    for (Receipt receipt = first; receipt <= last; receipt += stride) out.push_back(receipt);
    return out;
  }
  void idle() {
    while (storage->shrink().value()) continue;
  }
  /// Of which operations something stands in the files of the outbox, whatever they are called,
  /// and how often.
  std::map<Receipt, std::size_t> found() const {
    std::map<Receipt, std::size_t> found;
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) {
      const std::string bytes = bytes_of(entry.path());
      for (auto at = bytes.find(kMarker); at != std::string::npos; at = bytes.find(kMarker, at)) {
        at += kMarker.size();
        ++found[std::strtoull(bytes.c_str() + at, nullptr, 10)];
      }
    }
    return found;
  }

  const TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
  std::unique_ptr<SqliteStorage> storage = open_storage(path, kQuotaBytes);
  Receipt last_ = 0;
};

TEST_F(ErasureTest, AfterADrainNothingIsLeftOfIt) {
  accept(5000);
  ASSERT_EQ(found().size(), 5000U);
  for (Receipt first = 1; first <= last_; first += 100) deliver(receipts(first, first + 99));
  ASSERT_GT(found().size(), 1000U) << "in the log";
  EXPECT_TRUE(storage->holds_past());
  idle();
  EXPECT_TRUE(found().empty());
  EXPECT_FALSE(storage->holds_past());
}

TEST_F(ErasureTest, NothingIsLeftBesideWhatWaits) {
  accept(2000);
  accept(20, 20'000);  // on pages of their own
  std::vector<Receipt> delivered;
  for (Receipt receipt = 1; receipt <= last_; ++receipt) {
    if (receipt % 7 != 0) delivered.push_back(receipt);
  }
  for (std::size_t begin = 0; begin < delivered.size(); begin += 100) {
    const auto end = std::min(begin + 100, delivered.size());
    deliver({delivered.begin() + static_cast<std::ptrdiff_t>(begin),
             delivered.begin() + static_cast<std::ptrdiff_t>(end)});
  }
  idle();
  const auto left = found();
  for (const Receipt receipt : delivered) EXPECT_FALSE(left.contains(receipt)) << receipt;
  EXPECT_EQ(left.size(), last_ - delivered.size()) << "what waits is there";
}

TEST_F(ErasureTest, WhatAPersonDropsAndWhatIsFoldedAwayAreGoneToo) {
  accept(30);
  Settlement refused;
  refused.id = 1;
  for (Receipt receipt = 1; receipt <= 10; ++receipt) {
    refused.dead.push_back({{receipt}, 422, "no", 1, 1});
  }
  settle(*storage, refused);
  ASSERT_EQ(drop(*storage, letters())->letters.size(), 10U);
  must(storage->begin());
  must(storage->fold({11, receipts(12, 20)}, upserts({"11"})[0]));
  ASSERT_TRUE(storage->give_up(receipts(21, 29)));
  commit(*storage);
  idle();
  const auto left = found();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left.begin()->first, 30U);
}

TEST_F(ErasureTest, SoIsWhatAKilledProcessLeftInTheLog) {
  accept(100);
  deliver(receipts(1, 100));
  // As after kill -9: the files are as they are.
  const TemporaryDirectory other;
  const std::string copy = other.file("outbox.db");
  for (const char* end : {"", "-wal"}) fs::copy_file(path + end, copy + end);
  storage.reset();
  const auto again = open_storage(copy, kQuotaBytes);
  ASSERT_TRUE(again->holds_past());
  while (again->shrink().value()) continue;
  EXPECT_EQ(bytes_of(copy).find("marker-"), std::string::npos);
  EXPECT_EQ(bytes_of(copy + "-wal").find("marker-"), std::string::npos);
}

TEST_F(ErasureTest, TheLogIsNotEmptiedForWhatOnlyCame) {
  idle();
  accept(10);
  EXPECT_GT(fs::file_size(path + "-wal"), 0U);
  EXPECT_FALSE(storage->holds_past());
}

TEST_F(ErasureTest, NorAgainAtOnceForEachThatLeaves) {
  accept(2);
  deliver({1});
  idle();
  ASSERT_EQ(fs::file_size(path + "-wal"), 0U);
  deliver({2});
  idle();
  EXPECT_GT(fs::file_size(path + "-wal"), 0U);
  EXPECT_TRUE(storage->holds_past()) << "so that it is done in a while";
}

TEST_F(ErasureTest, WhatIsAcceptedAfterwardsSurvives) {
  accept(10);
  deliver(receipts(1, 10));
  idle();
  accept(3);
  const TemporaryDirectory other;
  const std::string copy = other.file("outbox.db");
  for (const char* end : {"", "-wal"}) fs::copy_file(path + end, copy + end);
  EXPECT_EQ(everything(*open_storage(copy, kQuotaBytes)), "11:11 12:12 13:13");
}

}  // namespace
}  // namespace flowmyna::test
