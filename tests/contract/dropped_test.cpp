// What a person gives up while it is sealed: a settlement drops it.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/contract/storage_sides.h"
#include "tests/contract/storage_text.h"

namespace flowmyna::test {
namespace {

template <class Side>
class DroppedContract : public testing::Test {
 protected:
  Storage& storage() { return side_.storage(); }
  void restart() { side_.restart(); }

  /// Every operation is accounted for, and the backlog holds as many as the counters say.
  void expect_balance() {
    const OutboxStats stats = storage().stats();
    EXPECT_EQ(stats.accepted,
              stats.pending() + stats.delivered + stats.dead + stats.dropped + stats.lost);
    std::uint64_t pending = 0;
    for (const char state : states(storage(), stats.accepted)) pending += state == 'p' ? 1 : 0;
    EXPECT_EQ(stats.pending(), pending);
  }

 private:
  Side side_;
};

using Sides = testing::Types<MemorySide, SqliteSide>;
TYPED_TEST_SUITE(DroppedContract, Sides);

Settlement dropping(RequestId id, std::vector<Receipt> receipts) {
  Settlement out;
  out.id = id;
  out.dropped = std::move(receipts);
  return out;
}

void fold(Storage& storage, const Fold& fold) {
  must(storage.begin());
  must(storage.fold(fold, upserts({"A"})[0]));
  must(storage.commit());
}

TYPED_TEST(DroppedContract, ASettlementDeliversBuriesDropsAndReturnsTheRestInOneStep) {
  accept(this->storage(), {"a", "b", "c", "d", "e", "f"});
  seal(this->storage(), 1, {{1}, {2}, {3, 4}, {5}, {6}});
  Settlement settlement = dropping(1, {3, 4, 6});
  settlement.delivered = {1};
  settlement.dead = {{{2}, 422, "no", 1, 99}};
  settlement.requests = 7;
  settle(this->storage(), settlement);
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(states(this->storage(), 7), "-dxoopo-");
    EXPECT_EQ(everything(this->storage()), "5:e");
    EXPECT_EQ(text(this->storage().seals()), "");
    EXPECT_EQ(text(this->storage().stats()),
              "accepted 6, delivered 1, dead 1, dropped 3, coalesced 0, requests 7, "
              "duplicates possible 0");
    this->expect_balance();
  }
}

TYPED_TEST(DroppedContract, WhatWasFoldedIsDroppedWithItsRow) {
  accept(this->storage(), {"a", "a", "b", "a"});
  fold(this->storage(), {1, {2, 4}});
  seal(this->storage(), 1, {{1}});
  settle(this->storage(), dropping(1, {1}));
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(states(this->storage(), 4), "-oopo");
    EXPECT_EQ(text(this->storage().stats()),
              "accepted 4, delivered 0, dead 0, dropped 3, coalesced 0, requests 0, "
              "duplicates possible 0");
    this->expect_balance();
  }
}

TYPED_TEST(DroppedContract, ASettlementThatComesTwiceDropsOnce) {
  accept(this->storage(), {"a", "a", "b", "c", "d"});
  fold(this->storage(), {1, {2}});
  seal(this->storage(), 1, {{1}, {3}, {4}});
  Settlement settlement = dropping(1, {1, 3});
  settlement.delivered = {4};
  settle(this->storage(), settlement);
  settle(this->storage(), settlement);
  EXPECT_EQ(states(this->storage(), 5), "-ooodp");
  EXPECT_EQ(this->storage().stats().dropped, 3U);
  this->expect_balance();
}

TYPED_TEST(DroppedContract, WhatIsSettledOtherwiseIsNotDroppedAnyMore) {
  accept(this->storage(), {"a", "b", "c"});
  Settlement settlement = dropping(1, {});
  settlement.delivered = {1};
  settlement.dead = {{{2}, 422, "no", 1, 99}};
  settle(this->storage(), settlement);
  settle(this->storage(), dropping(2, {1, 2, 9}));
  EXPECT_EQ(states(this->storage(), 3), "-dxp");
  EXPECT_EQ(this->storage().stats().dropped, 0U);
  this->expect_balance();
}

TYPED_TEST(DroppedContract, ARollbackKeepsWhatWasToBeDropped) {
  accept(this->storage(), {"a", "a", "b"});
  fold(this->storage(), {1, {2}});
  seal(this->storage(), 1, {{1}, {3}});
  must(this->storage().begin());
  must(this->storage().settle(dropping(1, {1, 3})));
  this->storage().rollback();
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(states(this->storage(), 3), "-ppp");
    EXPECT_EQ(everything(this->storage()), "1:A 3:b");
    EXPECT_EQ(text(this->storage().seals()), "1u0190{ 1 }{ 3 }");
    EXPECT_EQ(this->storage().stats().dropped, 0U);
    this->expect_balance();
  }
}

TYPED_TEST(DroppedContract, ReceiptsGoOnAfterTheHighestWasDropped) {
  accept(this->storage(), {"a", "b"});
  settle(this->storage(), dropping(1, {2}));
  this->restart();
  EXPECT_EQ(accept(this->storage(), {"c"}), 3U);
  EXPECT_EQ(states(this->storage(), 3), "-pop");
  this->expect_balance();
}

}  // namespace
}  // namespace flowmyna::test
