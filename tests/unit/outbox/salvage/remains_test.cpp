// A damaged outbox for which the disk has no room a second time: what can be read is delivered in
// portions, and nothing is accepted before the last of them.

#include "outbox/salvage/remains.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "outbox/disk/set_aside.h"
#include "tests/contract/storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr Receipt kOperations = 10'000;
constexpr Receipt kSealed = 9'000;
constexpr std::uint64_t kRoom = 400U << 10;

class RemainsTest : public testing::Test {
 protected:
  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");

  /// A backlog of some hundred pages, of which one is damaged; 2 is dead, 9,000 sealed.
  void SetUp() override {
    {
      const auto storage = open_storage(path);
      accept(*storage, std::vector<std::string>(kOperations, std::string(200, 'o')));
      Settlement settlement;
      settlement.delivered = {1};
      settlement.dead = {{{2}, 422, "no", 1, 99}};
      settle(*storage, settlement);
      seal(*storage, 9, {{kSealed}});
      must(storage->begin());
      must(storage->fold({4, {5}}, upserts({"f"})[0]));
      must(storage->commit());
    }
    std::string bytes = bytes_of(path);
    bytes.replace(bytes.size() / 4096 / 2 * 4096, 4096, 4096, '\0');
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  Result<Salvaged> salvage_with(std::uint64_t room) {
    SalvageOptions options;
    options.now_unix_s = 1'700'000'000;
    options.room_bytes = room;
    return salvage(path, options);
  }
  void salvage_a_part() {
    const auto salvaged = salvage_with(kRoom);
    ASSERT_TRUE(salvaged) << salvaged.error().message;
    ASSERT_FALSE(salvaged->is_whole);
    ASSERT_LT(fs::file_size(path), 2 * kRoom);
  }
  std::string refusal(Storage& storage) {
    const auto admitted = storage.admit(1);
    return admitted ? "" : admitted.error().message;
  }
  /// As the foreman does it: what was sealed, and then what can be read behind a cursor, which goes
  /// back when something returns.
  void drain(Storage& storage) {
    while (true) {
      if (const Receipt lowest = storage.returned(); lowest != 0) {
        cursor_ = std::min(cursor_, lowest - 1);
      }
      ReadLimits some = limits(500);
      some.after = cursor_;
      const auto window = storage.read(some);
      ASSERT_TRUE(window) << window.error().message;
      Settlement settlement;
      for (const auto& row : window->rows()) {
        EXPECT_TRUE(delivered_.insert(row.receipt).second) << row.receipt << " comes twice";
        settlement.delivered.push_back(row.receipt);
      }
      settlement.id = std::ranges::binary_search(settlement.delivered, kSealed) ? 9 : 1'000;
      if (!window->empty()) settle(storage, settlement);
      const Receipt before = cursor_;
      cursor_ = window->empty() ? storage.stats().accepted : window->rows().back().receipt;
      must(storage.tend());
      if (cursor_ == before && window->empty()) return;
    }
  }
  Receipt cursor_ = 0;
  std::set<Receipt> delivered_;
};

TEST_F(RemainsTest, EverythingThatCanBeReadIsDeliveredOnceAndOnlyThenIsMoreAccepted) {
  salvage_a_part();
  const auto storage = open_storage(path);
  EXPECT_EQ(text(storage->seals()), "9u0190{ 9000 }");
  EXPECT_EQ(text(storage->fetch({kSealed})).substr(0, 5), "9000:") << "it is sent first";
  EXPECT_EQ(storage->stats().pending(), kOperations - 2);
  EXPECT_EQ(states(*storage, 4), "-dxpp");
  EXPECT_EQ(storage->state(kOperations).value(), ReceiptState::kPending) << "of what remains";
  EXPECT_NE(refusal(*storage).find("until all of it has been moved"), std::string::npos)
      << refusal(*storage);
  EXPECT_TRUE(storage->shrink()) << "what is missing is no damage";
  drain(*storage);
  const OutboxStats stats = storage->stats();
  EXPECT_EQ(refusal(*storage), "");
  EXPECT_EQ(stats.pending(), 0U);
  EXPECT_GT(stats.lost, 0U);
  EXPECT_LT(stats.lost, 30U) << "more than a page";
  EXPECT_TRUE(stats.lost_is_exact);
  EXPECT_EQ(stats.delivered + stats.dead + stats.lost, kOperations);
  EXPECT_EQ(delivered_.size() + stats.lost, kOperations - 3) << "1 delivered, 2 dead, 5 in 4";
  EXPECT_EQ(storage->state(5'200).value(), ReceiptState::kDelivered);
  EXPECT_EQ(accept(*storage, {"next"}), kOperations + 1);
  EXPECT_TRUE(storage->shrink());
}

TEST_F(RemainsTest, AReceiptIsNotDeliveredBecauseItsRowSaysThatItHasAnother) {
  std::string bytes = bytes_of(path);
  // 7,000 becomes 7,039: see cell_of in salvage_test.cpp.
  const auto key = bytes.find(std::string("\xb6\x58\x04\x00", 4));
  ASSERT_NE(key, std::string::npos);
  bytes[key + 1] = '\x7f';
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  salvage_a_part();
  const auto storage = open_storage(path);
  drain(*storage);
  EXPECT_FALSE(delivered_.contains(7'000));
  EXPECT_EQ(storage->state(7'000).value(), ReceiptState::kMaybeLost);
  EXPECT_EQ(storage->state(7'001).value(), ReceiptState::kDelivered);
}

TEST_F(RemainsTest, WhoeverStartsInBetweenGoesOn) {
  salvage_a_part();
  for (int run = 0; run < 100; ++run) {
    const auto storage = open_storage(path);
    EXPECT_EQ(storage->stats().damaged_file, path + ".damaged-20231114T221320Z");
    if (refusal(*storage).empty()) break;
    cursor_ = 0;  // another foreman
    const auto window = storage->read(limits(700));
    Settlement settlement;
    for (const auto& row : window->rows()) {
      EXPECT_TRUE(delivered_.insert(row.receipt).second) << row.receipt << " comes twice";
      settlement.delivered.push_back(row.receipt);
    }
    settle(*storage, settlement);
    must(storage->tend());
  }
  const auto storage = open_storage(path);
  drain(*storage);
  EXPECT_EQ(delivered_.size() + storage->stats().lost, kOperations - 3);
  EXPECT_EQ(storage->stats().pending(), 0U);
}

TEST_F(RemainsTest, WithoutTheDamagedFileItWaitsForItAndSaysSo) {
  salvage_a_part();
  const std::string damaged = path + ".damaged-20231114T221320Z";
  fs::rename(damaged, directory.file("away"));
  const auto storage = open_storage(path);
  must(storage->tend());
  EXPECT_NE(refusal(*storage).find("put it back"), std::string::npos) << refusal(*storage);
  fs::rename(directory.file("away"), damaged);
  EXPECT_EQ(storage->state(kOperations).value(), ReceiptState::kPending);
}

TEST_F(RemainsTest, WhatWasPlannedBeforeAndIsNotHereIsNotSealed) {
  salvage_a_part();
  const auto storage = open_storage(path);
  EXPECT_EQ(storage->returned(), 1U) << "whatever was planned is to be read again";
  must(storage->begin());
  EXPECT_TRUE(storage->seal({10, Kind::kUpsert, kKey, {{3}, {kSealed}}})) << "they are here";
  const auto sealed = storage->seal({11, Kind::kUpsert, kKey, {{6}, {kOperations}}});
  ASSERT_FALSE(sealed);
  EXPECT_NE(sealed.error().message.find("operation 10000 has not been moved"), std::string::npos);
  storage->rollback();
}

TEST_F(RemainsTest, AFileOfWhichAllThatIsHereWasDeliveredIsNoDamagedOne) {
  salvage_a_part();
  {
    const auto storage = open_storage(path);
    Settlement settlement;
    settlement.id = 9;
    const auto window = storage->read(limits(kOperations));
    for (const auto& row : window->rows()) settlement.delivered.push_back(row.receipt);
    must(storage->begin());
    must(storage->settle(settlement));
    must(storage->commit());
    ASSERT_EQ(everything(*storage), "");
    ASSERT_GT(storage->stats().pending(), 0U);
  }
  const auto storage = open_storage(path);
  EXPECT_EQ(damaged_files(path).size(), 1U);
  EXPECT_NE(storage->tending(), Tending::kNotWanted);
}

TEST_F(RemainsTest, OfALargeFileSomeComesLaterThoughThereIsRoom) {
  SalvageOptions options;
  options.at_once_bytes = kRoom;
  ASSERT_FALSE(salvage(path, options)->is_whole);
  const auto storage = open_storage(path);
  EXPECT_EQ(refusal(*storage).find("no room"), std::string::npos) << refusal(*storage);
  EXPECT_NE(refusal(*storage).find("until all of it has been moved"), std::string::npos);
  int steps = 0;
  (void)storage->returned();
  while (!refusal(*storage).empty() && steps < 100) {
    EXPECT_NE(storage->tending(), Tending::kNotWanted);
    must(storage->tend());  // nobody has to deliver anything for it
    EXPECT_GT(storage->returned(), 1U) << "the foreman is not told what came";
    ++steps;
  }
  EXPECT_GT(steps, 1);
  EXPECT_EQ(refusal(*storage), "");
  EXPECT_EQ(storage->stats().pending() + storage->stats().lost, kOperations - 2);
  drain(*storage);
  EXPECT_EQ(delivered_.size() + storage->stats().lost, kOperations - 3);
}

TEST_F(RemainsTest, OfALargeFileThatCannotBeDividedEverythingComesAtOnce) {
  execute(path, "UPDATE seal SET row = X'00'");
  SalvageOptions options;
  options.at_once_bytes = kRoom;
  const auto salvaged = salvage(path, options);
  ASSERT_TRUE(salvaged);
  EXPECT_TRUE(salvaged->is_whole);
}

TEST_F(RemainsTest, WithoutRoomForAnythingTheFileStaysAsItIs) {
  const std::string before = bytes_of(path);
  const auto salvaged = salvage_with(10'000);
  ASSERT_FALSE(salvaged);
  EXPECT_EQ(salvaged.error().kind, Error::Kind::kFull);
  EXPECT_TRUE(bytes_of(path) == before);
  EXPECT_FALSE(fs::exists(salvage_path(path)));
}

TEST_F(RemainsTest, WhatADamagedFileSaysOfItsFreePagesDecidesNothing) {
  execute(path, "UPDATE seal SET row = X'00'");
  std::string bytes = bytes_of(path);
  bytes[37] = '\x10';  // of their number: more than there are pages
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  const auto salvaged = salvage_with(100U << 20);
  ASSERT_TRUE(salvaged) << salvaged.error().message;
  EXPECT_TRUE(salvaged->is_whole);
}

TEST_F(RemainsTest, WhenNobodyKnowsWhatWasSentNothingIsDeliveredBeforeThereIsRoom) {
  execute(path, "UPDATE seal SET row = X'00'");
  const auto salvaged = salvage_with(kRoom);
  ASSERT_FALSE(salvaged);
  EXPECT_EQ(salvaged.error().kind, Error::Kind::kFull);
  EXPECT_TRUE(salvage_with(100U << 20));
}

/// An outbox in which one operation cannot be read, or none is damaged.
void damage_again(const std::string& path, bool loses_one) {
  {
    const auto storage = open_storage(path);
    accept(*storage, {"a", "b", "c"});
  }
  if (loses_one) {
    execute(path, "UPDATE operation SET row = X'00' WHERE seq = (SELECT max(seq) FROM operation)");
  }
}

class MaxDamagedTest : public testing::Test {
 protected:
  std::size_t damaged() { return damaged_files(path).size(); }
  TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
};

TEST_F(MaxDamagedTest, AFileThatCouldBeReadWholeMakesPlaceForTheNextOne) {
  damage_again(path, false);
  must(open_storage(path)->salvage());
  const std::string first = damaged_files(path).at(0);
  damage_again(path, true);
  const auto storage = open_storage(path);
  EXPECT_EQ(damaged(), 1U);
  EXPECT_FALSE(fs::exists(first));
  EXPECT_TRUE(storage->admit(1));
}

TEST_F(MaxDamagedTest, FilesThatHoldWhatCouldNotBeReadAreKeptAndNothingMoreIsAccepted) {
  damage_again(path, true);
  (void)open_storage(path);
  ASSERT_EQ(damaged(), 1U);
  EXPECT_TRUE(open_storage(path)->admit(1));
  execute(path, "UPDATE operation SET row = X'00' WHERE seq = (SELECT max(seq) FROM operation)");
  const auto storage = open_storage(path);
  EXPECT_EQ(damaged(), 2U);
  const auto refused = storage->admit(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::kIo);
  EXPECT_NE(refused.error().message.find("outbox.max_damaged"), std::string::npos);
  EXPECT_EQ(storage->read(limits())->size(), 1U) << "delivery goes on";
  fs::rename(damaged_files(path).at(0), directory.file("repaired"));
  must(storage->refresh());
  EXPECT_TRUE(storage->admit(1));
}

}  // namespace
}  // namespace flowmyna::test
