#include "outbox/tables/row.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "outbox/salvage/row_key.h"

namespace flowmyna {
namespace {

using namespace std::string_literals;

constexpr const char* kKey = "0190a000-1234-7abc-8def-0123456789ab";

std::string operation_row(Receipt receipt, std::int64_t time, std::string_view stored) {
  std::string row;
  append_operation_row(row, receipt, {time, stored});
  return row;
}

TEST(OperationRow, ComesBackWithItsTime) {
  for (const std::int64_t time : std::vector<std::int64_t>{0, 1'700'000'000, -1, INT64_MAX}) {
    const std::string row = operation_row(7, time, "stored\0bytes"s);
    const auto read = read_operation_row(7, row);
    ASSERT_TRUE(read) << time;
    EXPECT_EQ(read->accepted_unix_s, time);
    EXPECT_EQ(read->stored, "stored\0bytes"s);
  }
}

TEST(OperationRow, IsAppendedBehindWhatIsThere) {
  std::string out = "before";
  append_operation_row(out, 7, {1, "x"});
  EXPECT_EQ(out, "before" + operation_row(7, 1, "x"));
}

TEST(OperationRow, AddsTenBytesToTheOperationInThisCentury) {
  EXPECT_EQ(operation_row(1, 1'700'000'000, "").size(), 10U);
  EXPECT_EQ(operation_row(1, 4'102'444'800, "").size(), 10U);  // 2100
}

TEST(OperationRow, IsOnlyReadUnderItsOwnReceipt) {
  const std::string row = operation_row(7, 1, "stored");
  EXPECT_FALSE(read_operation_row(8, row));
  EXPECT_FALSE(read_operation_row(7 + (1ULL << 32), row));
}

TEST(OperationRow, AnyOneDamagedBitIsNoticed) {
  const std::string row = operation_row(7, 1'700'000'000, "some stored bytes");
  for (std::size_t bit = 0; bit < 8 * row.size(); ++bit) {
    std::string damaged = row;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(read_operation_row(7, damaged)) << bit;
  }
}

TEST(OperationRow, AShorterOrLongerOneIsNoticed) {
  const std::string row = operation_row(7, 1'700'000'000, "stored");
  for (std::size_t size = 0; size < row.size(); ++size) {
    EXPECT_FALSE(read_operation_row(7, std::string_view(row).substr(0, size))) << size;
  }
  EXPECT_FALSE(read_operation_row(7, row + '\0'));
}

const std::vector<Seal> kSeals = {
    {1, Kind::kUpsert, kKey, {{1}}},
    {2, Kind::kEvent, "00000000-0000-0000-0000-000000000000", {{5}, {4}, {3}}},
    {3, Kind::kUpsert, kKey, {{1, 9, 200}, {2}, {150, 151}}},
    {UINT64_MAX >> 1, Kind::kUpsert, "ffffffff-ffff-ffff-ffff-ffffffffffff", {{UINT64_MAX, 1}}},
    {4, Kind::kUpsert, kKey, {}},
};

TEST(SealRow, ComesBackAsItWas) {
  for (const Seal& seal : kSeals) EXPECT_EQ(read_seal_row(seal.id, make_seal_row(seal)), seal);
}

TEST(SealRow, KeepsItsKeyInLowerCaseHoweverItWasWritten) {
  Seal seal = kSeals[0];
  seal.idempotency_key = "0190A000-1234-7ABC-8DEF-0123456789AB";
  EXPECT_EQ(read_seal_row(1, make_seal_row(seal))->idempotency_key, kKey);
}

TEST(SealRow, TakesTwoBytesAnItemForNeighbours) {
  Seal seal{1, Kind::kEvent, kKey, {}};
  for (Receipt receipt = 5'000'000; receipt < 5'000'100; ++receipt) seal.items.push_back({receipt});
  EXPECT_LE(make_seal_row(seal).size(), 230U);
}

TEST(SealRow, IsOnlyReadUnderItsOwnId) {
  EXPECT_FALSE(read_seal_row(2, make_seal_row(kSeals[0])));
}

TEST(SealRow, AnyOneDamagedBitOrMissingByteIsNoticed) {
  for (const Seal& seal : kSeals) {
    const std::string row = make_seal_row(seal);
    for (std::size_t bit = 0; bit < 8 * row.size(); ++bit) {
      std::string damaged = row;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(read_seal_row(seal.id, damaged)) << bit;
    }
    for (std::size_t size = 0; size < row.size(); ++size) {
      EXPECT_FALSE(read_seal_row(seal.id, std::string_view(row).substr(0, size))) << size;
    }
  }
}

const Receipt kMap = fold_map_of(5'000'000);

std::vector<FoldedReceipt> folded_in_turns(Receipt objects) {
  std::vector<FoldedReceipt> folded;
  for (Receipt i = 0; i < kFoldMapReceipts; ++i) {
    folded.push_back({fold_map_begin(kMap) + i, 1 + i % objects});
  }
  return folded;
}

TEST(FoldMapRow, ComesBackInTheOrderOfReceipts) {
  EXPECT_EQ(read_fold_map_row(kMap, make_fold_map_row(kMap, {})), std::vector<FoldedReceipt>{});
  for (const Receipt objects : {1U, 3U, 250U, 1024U}) {
    const auto folded = folded_in_turns(objects);
    auto shuffled = folded;
    std::reverse(shuffled.begin(), shuffled.end());
    EXPECT_EQ(read_fold_map_row(kMap, make_fold_map_row(kMap, shuffled)), folded) << objects;
  }
  const std::vector<FoldedReceipt> first = {{2, 1}, {3, 1}, {1023, 2}};
  EXPECT_EQ(read_fold_map_row(1, make_fold_map_row(1, first)), first);
}

TEST(FoldMapRow, IsSmallWhereObjectsTakeTurnsAndTwoBytesAReceiptWhereNone) {
  for (const Receipt objects : {1U, 10U, 300U}) {
    EXPECT_LT(make_fold_map_row(kMap, folded_in_turns(objects)).size(), 100U + 2 * objects);
  }
  std::mt19937_64 random(1);
  std::vector<FoldedReceipt> by_chance;
  for (Receipt i = 0; i < kFoldMapReceipts; ++i) {
    by_chance.push_back({fold_map_begin(kMap) + i, 1 + random() % 100});
  }
  EXPECT_LT(make_fold_map_row(kMap, by_chance).size(), 2 * kFoldMapReceipts);
  EXPECT_EQ(read_fold_map_row(kMap, make_fold_map_row(kMap, by_chance)), by_chance);
}

TEST(RowKey, IsToldByContentAndChecksumWhateverTheRowSays) {
  for (const std::int64_t key : std::vector<std::int64_t>{1, 255, 5'000'000'000, (1LL << 40) + 7}) {
    const std::string row = operation_row(static_cast<Receipt>(key), 17, "stored");
    const auto checksum = key_checksum_of(row);
    ASSERT_TRUE(checksum) << key;
    EXPECT_EQ(key_with_checksum(*checksum, 9, {key - 1, key + 1}), key);
    EXPECT_EQ(key_with_checksum(*checksum, key, {key + 1, key + 1000}), std::nullopt) << key;
    std::string damaged = row;
    damaged.back() ^= 1;
    EXPECT_EQ(key_with_checksum(*key_checksum_of(damaged), key, {key - 1, key + 1}), std::nullopt);
  }
  EXPECT_EQ(key_checksum_of("abc"), std::nullopt) << "no row";
}

TEST(FoldMapRow, IsOnlyReadUnderItsOwnNumber) {
  const std::string row = make_fold_map_row(kMap, folded_in_turns(3));
  EXPECT_FALSE(read_fold_map_row(kMap + 1, row));
}

TEST(FoldMapRow, NoneIsFoldedTwiceOrIntoWhatCameLater) {
  EXPECT_FALSE(read_fold_map_row(1, make_fold_map_row(1, {{3, 1}, {3, 2}})));
  EXPECT_FALSE(read_fold_map_row(1, make_fold_map_row(1, {{3, 3}})));
  EXPECT_FALSE(read_fold_map_row(1, make_fold_map_row(1, {{2000, 3}})));
}

TEST(FoldMapRow, AnyOneDamagedBitOrMissingByteIsNoticed) {
  const std::string row = make_fold_map_row(1, {{2, 1}, {3, 1}, {1023, 2}});
  for (std::size_t bit = 0; bit < 8 * row.size(); ++bit) {
    std::string damaged = row;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(read_fold_map_row(1, damaged)) << bit;
  }
  for (std::size_t size = 0; size < row.size(); ++size) {
    EXPECT_FALSE(read_fold_map_row(1, std::string_view(row).substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace flowmyna
