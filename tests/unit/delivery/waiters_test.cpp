#include "delivery/waiters.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flowmyna {
namespace {

using std::chrono::seconds;

/// What each wait was told, in order: "name: 1+u1 2-no", or "name: nothing".
class WaitersTest : public testing::Test {
 protected:
  Waiters waiters;
  std::vector<std::string> told;

  void wait(const std::string& name, Receipt first, std::size_t count, BootTime deadline) {
    waiters.add(
        {first, count, deadline, [this, name](const std::vector<OperationOutcome>& outcomes) {
           std::string line = name + ":";
           for (const OperationOutcome& outcome : outcomes) line += " " + text(outcome);
           told.push_back(outcomes.empty() ? line + " nothing" : line);
         }});
  }
  void delivered(Receipt receipt, const std::string& id) {
    waiters.report({receipt, OperationOutcome::State::kDelivered, id, false, 0, {}});
  }
  void dead(Receipt receipt, const std::string& reason) {
    waiters.report({receipt, OperationOutcome::State::kDead, {}, false, 422, reason});
  }
  void drop(Receipt receipt) { waiters.report(dropped(receipt)); }

 private:
  static std::string text(const OperationOutcome& outcome) {
    if (outcome.state == OperationOutcome::State::kDropped) {
      return std::to_string(outcome.receipt) + "!";
    }
    const bool is_dead = outcome.state == OperationOutcome::State::kDead;
    return std::to_string(outcome.receipt) + (is_dead ? "-" + outcome.reason : "+" + outcome.id);
  }
};

using Told = std::vector<std::string>;

TEST_F(WaitersTest, AWaitEndsWithTheLastOfItsOutcomesInTheOrderOfItsOperations) {
  wait("a", 5, 3, seconds(10));
  delivered(7, "u7");
  dead(5, "no");
  EXPECT_EQ(told, Told());
  delivered(6, "u6");
  EXPECT_EQ(told, Told({"a: 5-no 6+u6 7+u7"}));
  EXPECT_TRUE(waiters.empty());
  EXPECT_EQ(waiters.next_deadline(), std::nullopt);
}

TEST_F(WaitersTest, AnOperationIsWaitedForOnlyByItsOwnWriter) {
  wait("a", 5, 2, seconds(10));
  wait("b", 8, 1, seconds(10));
  std::vector<std::uint64_t> groups;
  for (const Receipt receipt : {4U, 5U, 6U, 7U, 8U, 9U})
    groups.push_back(waiters.group_of(receipt));
  EXPECT_EQ(groups, (std::vector<std::uint64_t>{0, 5, 5, 0, 8, 0}));
  for (const Receipt receipt : {4U, 7U, 9U}) delivered(receipt, "other");
  delivered(8, "u8");
  EXPECT_EQ(told, Told({"b: 8+u8"}));
}

TEST_F(WaitersTest, AtItsDeadlineAWaitEndsWithNothingAndWhatIsReportedLaterIsForNobody) {
  wait("late", 1, 1, seconds(20));
  wait("early", 2, 2, seconds(10));
  delivered(2, "u2");
  EXPECT_EQ(waiters.next_deadline(), BootTime(seconds(10)));
  waiters.expire(BootTime(9999));
  EXPECT_EQ(told, Told());
  waiters.expire(seconds(10));
  EXPECT_EQ(told, Told({"early: nothing"}));
  EXPECT_EQ(waiters.next_deadline(), BootTime(seconds(20)));
  delivered(3, "u3");
  waiters.expire(seconds(30));
  EXPECT_EQ(told, Told({"early: nothing", "late: nothing"}));
  EXPECT_TRUE(waiters.empty());
}

TEST_F(WaitersTest, ADeliveryWithoutAnIdEndsTheWaitSinceNoneWillCome) {
  wait("a", 1, 2, seconds(10));
  delivered(1, "");
  EXPECT_EQ(told, Told({"a: nothing"}));
  EXPECT_TRUE(waiters.empty());
}

TEST_F(WaitersTest, AnOutcomeThatIsReportedTwiceCountsOnce) {
  wait("a", 1, 2, seconds(10));
  delivered(1, "u1");
  delivered(1, "u1");
  EXPECT_EQ(told, Told());
}

TEST_F(WaitersTest, WhoeverWaitsForWhatAPersonDropsIsToldAtOnce) {
  wait("a", 1, 1, seconds(10));
  wait("b", 2, 2, seconds(10));
  drop(1);
  EXPECT_EQ(told, Told({"a: 1!"}));
  drop(2);
  delivered(3, "u3");
  EXPECT_EQ(told, Told({"a: 1!", "b: 2! 3+u3"}));
}

TEST_F(WaitersTest, ADeadLetterThatAPersonDropsWasRefusedAllTheSame) {
  wait("a", 1, 2, seconds(10));
  dead(1, "no");
  drop(1);
  drop(2);
  EXPECT_EQ(told, Told({"a: 1-no 2!"}));
}

TEST_F(WaitersTest, ReleasedAllAreToldNothingAndSoAreThoseWhoComeLater) {
  wait("a", 1, 1, seconds(10));
  wait("b", 2, 1, seconds(20));
  waiters.release();
  wait("c", 3, 1, seconds(10));
  EXPECT_EQ(told, Told({"a: nothing", "b: nothing", "c: nothing"}));
  EXPECT_EQ(waiters.next_deadline(), std::nullopt);
}

}  // namespace
}  // namespace flowmyna
