// What `broken_invariant` is there to find, made by hand.

#include "outbox/storage_check.h"

#include <gtest/gtest.h>

#include "storage_sides.h"
#include "storage_text.h"
#include "tests/unit/outbox/sqlite_file.h"
#include "tests/unit/outbox/temporary_directory.h"

namespace flowmyna::test {
namespace {

template <class Side>
class StorageCheck : public testing::Test {
 protected:
  Storage& storage() { return side_.storage(); }

 private:
  Side side_;
};

using Sides = testing::Types<MemorySide, SqliteSide>;
TYPED_TEST_SUITE(StorageCheck, Sides);

TYPED_TEST(StorageCheck, AnOutboxInUseIsConsistent) {
  Storage& storage = this->storage();
  EXPECT_EQ(broken_invariant(storage).value(), "");
  accept(storage, {"a", "b", "c", "d", "e"});
  seal(storage, 1, {{1}, {2, 3}});
  EXPECT_EQ(broken_invariant(storage).value(), "");
  Settlement settlement;
  settlement.id = 1;
  settlement.delivered = {1};
  settlement.dead.push_back({{2, 3}, 422, "no", 1, 1});
  settle(storage, settlement);
  EXPECT_EQ(broken_invariant(storage).value(), "");
}

TYPED_TEST(StorageCheck, AnOperationInTwoSealsIsFound) {
  Storage& storage = this->storage();
  accept(storage, {"a", "b"});
  seal(storage, 1, {{1}});
  seal(storage, 2, {{1}, {2}});
  EXPECT_EQ(broken_invariant(storage).value(), "operation 1 is sealed twice");
}

TYPED_TEST(StorageCheck, ASealOfWhatHasLeftIsFound) {
  Storage& storage = this->storage();
  accept(storage, {"a", "b"});
  seal(storage, 1, {{1}, {2}});
  Settlement settlement;
  settlement.delivered = {2};
  settle(storage, settlement);
  EXPECT_NE(broken_invariant(storage).value(), "");
}

TYPED_TEST(StorageCheck, AnItemOutOfOrderIsFound) {
  Storage& storage = this->storage();
  accept(storage, {"a", "b"});
  seal(storage, 1, {{2, 1}});
  EXPECT_EQ(broken_invariant(storage).value(), "seal 1 has an item without order or operations");
}

TEST(StorageCounters, CountersThatContradictEachOtherAreFound) {
  OutboxStats stats;
  stats.accepted = stats.last_receipt = 5;
  stats.delivered = 3;
  stats.dead = 1;
  stats.lost = 1;
  EXPECT_EQ(broken_counters(stats), "");
  stats.dropped = 1;
  EXPECT_EQ(broken_counters(stats), "more operations have left than were accepted");
  stats.dropped = 0;
  stats.last_receipt = 4;
  EXPECT_EQ(broken_counters(stats), "more operations were accepted than receipts given");
  stats.last_receipt = 5;
  stats.unsynced_from = 6;
  EXPECT_EQ(broken_counters(stats), "times are to be corrected beyond the end");
  stats.unsynced_from = 0;
  stats.unsynced_through = 2;
  EXPECT_EQ(broken_counters(stats), "times are to be corrected from nowhere on");
}

TEST(StorageCounters, ARowTooFewIsFound) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("outbox.db");
  accept(*open_storage(path), {"a", "b", "c"});
  execute(path, "DELETE FROM operation WHERE seq = 2");
  EXPECT_EQ(broken_equation(*open_storage(path)).value(),
            "2 operations are stored where 3 are pending and 0 dead");
}

}  // namespace
}  // namespace flowmyna::test
