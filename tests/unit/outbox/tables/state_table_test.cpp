#include "outbox/tables/state_table.h"

#include <gtest/gtest.h>

#include "outbox/tables/schema.h"

namespace flowmyna::test {
namespace {

SavedState numbered() {
  SavedState state;
  state.highest = 1;
  state.delivered = 2;
  state.dead = 3;
  state.dropped = 4;
  state.coalesced = 5;
  state.requests = 6;
  state.duplicates_possible = 7;
  state.lost = 8;
  state.unsynced_from = 9;
  state.unsynced_through = 10;
  state.sealed_through = 11;
  state.skipped = 12;
  state.epoch = 13;
  return state;
}

class StateTableTest : public testing::Test {
 protected:
  const sqlite::Connection connection = empty_outbox(kSchemaVersion).value();
  StateTable table = StateTable::prepare(connection).value();
};

TEST_F(StateTableTest, EachNumberIsReadFromItsOwnColumn) {
  ASSERT_TRUE(connection.execute(
      "UPDATE state SET accepted = 1, delivered = 2, dead = 3, dropped = 4, coalesced = 5, "
      "requests = 6, duplicates_possible = 7, lost = 8, unsynced_from = 9, unsynced_through = 10, "
      "sealed_through = 11, skipped = 12, epoch = 13"));
  EXPECT_EQ(table.load().value(), numbered());
}

TEST_F(StateTableTest, EachIsWrittenIntoItsOwnColumnButWhatOthersWrite) {
  ASSERT_TRUE(connection.execute("UPDATE state SET lost = 80, skipped = 120, epoch = 130"));
  ASSERT_TRUE(table.save(numbered()));
  EXPECT_EQ(connection
                .integer("SELECT (accepted, delivered, dead, dropped, coalesced, requests, "
                         "duplicates_possible, lost, unsynced_from, unsynced_through, "
                         "sealed_through, skipped, epoch) = "
                         "(1, 2, 3, 4, 5, 6, 7, 80, 9, 10, 11, 120, 130) FROM state")
                .value(),
            1);
}

}  // namespace
}  // namespace flowmyna::test
