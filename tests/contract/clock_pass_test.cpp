// The pass that corrects the times of events, over both storages.

#include "outbox/clock_pass.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/contract/storage_sides.h"
#include "tests/contract/storage_text.h"

namespace flowmyna::test {
namespace {

constexpr BootId kBoot = 1;
constexpr BootId kOtherBoot = 2;
constexpr ClockCorrection kCorrection{kBoot, 1'769'860'800'000};  // 2026-01-31T12:00:00Z
constexpr StepLimits kOneStep{1000, 1U << 20};

Settlement settlement(std::vector<Receipt> delivered) {
  Settlement out;
  out.id = 1;
  out.delivered = std::move(delivered);
  return out;
}

/// Each event a letter of its own.
Settlement burying(const std::vector<Receipt>& events) {
  Settlement out;
  out.id = 1;
  for (const Receipt event : events) out.dead.push_back({{event}, 422, "no", 1, 99});
  return out;
}

template <class Side>
class ClockPass : public testing::Test {
 protected:
  void seal(const std::vector<ItemMembers>& items) {
    must(storage().begin());
    must(storage().seal({1, Kind::kEvent, kKey, items}));
    must(storage().commit());
  }

  Storage& storage() { return side_.storage(); }
  void restart() { side_.restart(); }

  /// One event, stamped this many seconds after the boot.
  Receipt stamped(BootId boot, int second) {
    return accept(
        OperationList().event({{"Order/1"}}, "E", BootStamp{boot, BootTime(second * 1000)}));
  }
  Receipt upsert() { return accept(OperationList().upsert("Order/1")); }
  Receipt timed() { return accept(OperationList().event({{"Order/1"}})); }

  Result<void> step(const StepLimits& limits = kOneStep) {
    must(storage().begin());
    auto done = correct_step(storage(), kCorrection, limits);
    must(storage().commit());
    return done;
  }

  /// What each pending operation is: an upsert `u`, or the seconds of an event's time, with a `?`
  /// while it carries a boot stamp.
  std::string times() { return times(storage().read(limits()).value()); }
  /// The same of what is dead.
  std::string dead_times() {
    Window dead;
    const auto found = storage().dead_letters(letters()).value();
    for (const DeadLetter& letter : found.letters) dead.append(letter.operations);
    return times(dead);
  }
  static std::string times(const Window& window) {
    std::string out;
    for (const auto& row : window.rows()) {
      const auto operation = *Operation::parse(window.stored(row));
      out += out.empty() ? "" : " ";
      out += operation.kind == Kind::kUpsert ? "u" : operation.timestamp.substr(11, 8);
      if (operation.boot) out += '?';
    }
    return out;
  }
  Receipt from() { return storage().stats().unsynced_from; }

 private:
  Receipt accept(const OperationList& backlog) {
    must(storage().begin());
    const Receipt receipt = storage().append(backlog.encoded_operations(), 1).value();
    must(storage().commit());
    return receipt;
  }

  Side side_;
};

class SideNames {
 public:
  template <class Side>
  static std::string GetName(int) {
    return std::is_same_v<Side, MemorySide> ? "Memory" : "Sqlite";
  }
};
using Sides = testing::Types<MemorySide, SqliteSide>;
TYPED_TEST_SUITE(ClockPass, Sides, SideNames);

TYPED_TEST(ClockPass, CorrectsEachEventOfTheBootAndLeavesTheRestAsItIs) {
  this->upsert();
  this->timed();
  this->stamped(kBoot, 5);
  this->stamped(kOtherBoot, 6);
  this->upsert();
  this->stamped(kBoot, 67);
  EXPECT_EQ(this->times(), "u 03:04:05 03:04:05? 03:04:05? u 03:04:05?");
  must(this->step());
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(this->times(), "u 03:04:05 12:00:05 03:04:05? u 12:01:07");
    EXPECT_EQ(this->from(), 0U);
  }
}

TYPED_TEST(ClockPass, TheTimeOfAcceptanceIsCorrectedToo) {
  this->stamped(kBoot, 5);
  this->upsert();
  must(this->step());
  const auto window = this->storage().read(limits()).value();
  EXPECT_EQ(window.rows()[0].accepted_unix_s, 1'769'860'805);
  EXPECT_EQ(window.rows()[1].accepted_unix_s, 1);
}

TYPED_TEST(ClockPass, BeginsAtTheFirstEventOfAnUnsynchronisedClockAlsoAfterARestart) {
  EXPECT_EQ(this->from(), 0U);
  this->upsert();
  this->timed();
  EXPECT_EQ(this->from(), 0U);
  EXPECT_EQ(this->stamped(kBoot, 5), 3U);
  this->stamped(kBoot, 6);
  EXPECT_EQ(this->from(), 3U);
  this->restart();
  EXPECT_EQ(this->from(), 3U);
}

TYPED_TEST(ClockPass, GoesOnStepByStepWhereItWasWhateverComesBetween) {
  for (int second = 1; second <= 5; ++second) this->stamped(kBoot, second);
  must(this->step({2, 1U << 20}));
  EXPECT_EQ(this->times(), "12:00:01 12:00:02 03:04:05? 03:04:05? 03:04:05?");
  EXPECT_EQ(this->from(), 3U);
  this->restart();
  this->stamped(kBoot, 6);  // late: accepted by whoever asked the clock before
  must(this->step({1000, 0}));
  EXPECT_EQ(this->times(), "12:00:01 12:00:02 12:00:03 03:04:05? 03:04:05? 03:04:05?");
  must(this->step());
  EXPECT_EQ(this->times(), "12:00:01 12:00:02 12:00:03 12:00:04 12:00:05 12:00:06");
  EXPECT_EQ(this->from(), 0U);
}

TYPED_TEST(ClockPass, WhatIsSealedStaysAsItIsUntilItReturns) {
  for (int second = 1; second <= 3; ++second) this->stamped(kBoot, second);
  this->seal({{2}});
  must(this->step());
  EXPECT_EQ(this->times(), "12:00:01 03:04:05? 12:00:03");
  EXPECT_EQ(this->from(), 0U);
  must(this->step());
  EXPECT_EQ(this->times(), "12:00:01 03:04:05? 12:00:03");
  settle(this->storage(), settlement({}));
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(this->from(), 2U);
  }
  must(this->step());
  EXPECT_EQ(this->times(), "12:00:01 12:00:02 12:00:03");
  EXPECT_EQ(this->from(), 0U);
}

TYPED_TEST(ClockPass, WhatIsDeadIsCorrectedToo) {
  for (int second = 1; second <= 4; ++second) this->stamped(kBoot, second);
  settle(this->storage(), burying({1, 3}));
  this->restart();
  must(this->step());
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(this->dead_times(), "12:00:01 12:00:03");
    EXPECT_EQ(this->times(), "12:00:02 12:00:04");
  }
  retry(this->storage(), letters());
  EXPECT_EQ(this->times(), "12:00:01 12:00:02 12:00:03 12:00:04");
  const auto window = this->storage().read(limits()).value();
  EXPECT_EQ(window.rows()[0].accepted_unix_s, 1'769'860'801);
}

TYPED_TEST(ClockPass, WhatDiesAfterThePassInWhichItWasSealedIsCorrectedThen) {
  for (int second = 1; second <= 3; ++second) this->stamped(kBoot, second);
  this->seal({{1}, {2}});
  must(this->step());
  settle(this->storage(), burying({2}));
  EXPECT_EQ(this->times(), "03:04:05? 12:00:03");
  EXPECT_EQ(this->dead_times(), "03:04:05?");
  must(this->step());
  EXPECT_EQ(this->times(), "12:00:01 12:00:03");
  EXPECT_EQ(this->dead_times(), "12:00:02");
  EXPECT_EQ(this->from(), 0U);
}

TYPED_TEST(ClockPass, ThePassOfWhatReturnedLooksNoFurther) {
  this->stamped(kBoot, 1);
  this->seal({{1}});
  must(this->step());
  for (int i = 0; i < 10; ++i) this->upsert();
  settle(this->storage(), settlement({}));
  EXPECT_EQ(this->storage().stats().unsynced_through, 1U);
  must(this->step({2, 1U << 20}));
  EXPECT_EQ(this->from(), 0U);
  EXPECT_EQ(this->times().substr(0, 10), "12:00:01 u");
}

TYPED_TEST(ClockPass, WhatIsAcceptedMeanwhileIsInThePassAsWell) {
  this->stamped(kBoot, 1);
  this->seal({{1}});
  must(this->step());
  settle(this->storage(), settlement({}));
  this->stamped(kBoot, 2);
  EXPECT_EQ(this->storage().stats().unsynced_through, 0U);
  this->restart();
  must(this->step());
  EXPECT_EQ(this->times(), "12:00:01 12:00:02");
}

TYPED_TEST(ClockPass, GoesStepByStepThroughDeadLettersAndWhatWaitsBetweenThem) {
  for (int second = 1; second <= 9; ++second) this->stamped(kBoot, second);
  settle(this->storage(), burying({2, 3, 4, 8}));
  for (int steps = 1; this->from() != 0; ++steps) {
    ASSERT_LT(steps, 10);
    must(this->step({2, 1U << 20}));
    this->restart();
  }
  EXPECT_EQ(this->times(), "12:00:01 12:00:05 12:00:06 12:00:07 12:00:09");
  EXPECT_EQ(this->dead_times(), "12:00:02 12:00:03 12:00:04 12:00:08");
}

TYPED_TEST(ClockPass, WhatIsSealedInTheSameTransactionStaysAsItIs) {
  this->stamped(kBoot, 1);
  this->stamped(kBoot, 2);
  must(this->storage().begin());
  must(this->storage().seal({1, Kind::kEvent, kKey, {{1}}}));
  must(correct_step(this->storage(), kCorrection));
  must(this->storage().commit());
  EXPECT_EQ(this->times(), "03:04:05? 12:00:02");
}

TYPED_TEST(ClockPass, AStepThatIsRolledBackHasNotHappened) {
  this->stamped(kBoot, 1);
  const auto size = this->storage().stats().size_bytes;
  must(this->storage().begin());
  must(correct_step(this->storage(), kCorrection));
  this->storage().rollback();
  EXPECT_EQ(this->storage().stats().size_bytes, size);
  for (const bool restarted : {false, true}) {
    if (restarted) this->restart();
    EXPECT_EQ(this->times(), "03:04:05?");
    EXPECT_EQ(this->from(), 1U);
  }
}

TYPED_TEST(ClockPass, EndsWhereTheBacklogEndsThoughEverythingWasDelivered) {
  this->stamped(kBoot, 1);
  settle(this->storage(), settlement({1}));
  EXPECT_EQ(this->from(), 1U);
  must(this->step());
  EXPECT_EQ(this->from(), 0U);
  this->stamped(kBoot, 2);
  EXPECT_EQ(this->from(), 2U);
}

TYPED_TEST(ClockPass, ARewriteOfWhatIsSettledDoesNotBringItBack) {
  const Receipt receipt = this->stamped(kBoot, 1);
  settle(this->storage(), settlement({receipt}));
  must(this->storage().begin());
  must(this->storage().rewrite(receipt, {std::string("x"), 1}));
  must(this->storage().commit());
  EXPECT_EQ(this->times(), "");
}

}  // namespace
}  // namespace flowmyna::test
