#include "delivery/lane.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace flowmyna {
namespace {

using Action = Verdict::Action;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const BackoffOptions kBackoff{seconds(1), seconds(300)};

Verdict verdict(Action action, bool is_of_path = false) {
  Verdict out;
  out.action = action;
  out.is_of_path = is_of_path;
  out.reason = "because";
  return out;
}

/// A lane and the time that it is told.
class LaneTest : public testing::Test {
 protected:
  Lane lane{kBackoff, 1};
  BootTime now{10'000};

  std::size_t allowed() const { return lane.allowance(now, 8); }
  void fail(Action action = Action::kRetry, bool is_of_old_network = false) {
    lane.failed(verdict(action), {is_of_old_network, true}, now);
  }
  /// To the moment at which it changes by itself; how long that took.
  milliseconds wait() {
    const BootTime change = lane.next_change(now).value_or(now);
    const milliseconds waited = change - now;
    now = change;
    return waited;
  }
};

TEST_F(LaneTest, AtStartUpOneRequestGoesAloneAndItsDeliveryOpensForAll) {
  EXPECT_EQ(allowed(), 1U);
  EXPECT_FALSE(lane.is_searching()) << "the first may be a whole batch";
  EXPECT_EQ(lane.state(), DeliveryState::kDelivering);
  lane.delivered(now);
  EXPECT_EQ(allowed(), 8U);
}

TEST_F(LaneTest, WhatWasToBeExpectedClosesItForNoLongerThanWhatFailedBefore) {
  fail();
  wait();
  fail();
  for (int i = 0; i < 50; ++i) {
    wait();
    lane.failed(verdict(Action::kRetry), {.is_of_old_network = false, .is_news = false}, now);
    ASSERT_LE(lane.next_change(now).value_or(now) - now, 2 * kBackoff.initial);
    ASSERT_EQ(allowed(), 0U);
  }
}

TEST_F(LaneTest, NoMoreIsAllowedThanTheCallersMaximum) {
  EXPECT_EQ(lane.allowance(now, 0), 0U);
  lane.delivered(now);
  EXPECT_EQ(lane.allowance(now, 0), 0U);
  EXPECT_EQ(lane.allowance(now, 3), 3U);
}

TEST_F(LaneTest, AFailureClosesItUntilTheWaitEndsThenASingleItemIsTried) {
  lane.delivered(now);
  fail();
  EXPECT_EQ(allowed(), 0U);
  EXPECT_EQ(lane.state(), DeliveryState::kBackingOff);
  EXPECT_EQ(lane.last_error(), "because");
  EXPECT_EQ(wait(), seconds(1));
  EXPECT_EQ(allowed(), 1U);
  EXPECT_TRUE(lane.is_searching());
  EXPECT_EQ(lane.state(), DeliveryState::kBackingOff) << "until something is delivered";
  lane.delivered(now);
  EXPECT_EQ(allowed(), 8U);
  EXPECT_EQ(lane.state(), DeliveryState::kDelivering);
  EXPECT_EQ(lane.last_error(), "");
}

TEST_F(LaneTest, AnAnswerThatComesAfterTheNetworkChangedBeginsNoLongWait) {
  for (int i = 0; i < 20; ++i) {
    fail();
    now += kBackoff.max;
  }
  lane.network_changed(now);
  for (const Action action : {Action::kRetry, Action::kUnauthorized}) {
    fail(action, true);
    EXPECT_EQ(wait(), kBackoff.initial);
  }
  fail(Action::kUnauthorized);
  fail(Action::kRetry, true);
  EXPECT_EQ(wait(), minutes(5)) << "what failed since the change counts";
}

TEST_F(LaneTest, WaitsGrowWithEveryFailureUpToTheMaximumAndADeliveryEndsThat) {
  milliseconds longest{0};
  for (int i = 0; i < 60; ++i) {
    fail();
    const milliseconds waited = wait();
    EXPECT_GE(waited, kBackoff.initial);
    EXPECT_LE(waited, kBackoff.max);
    longest = std::max(longest, waited);
  }
  EXPECT_GT(longest, seconds(200));
  lane.delivered(now);
  fail();
  EXPECT_EQ(wait(), seconds(1));
}

TEST_F(LaneTest, WhatFailsTogetherCountsAsOneFailure) {
  lane.delivered(now);
  for (int i = 0; i < 8; ++i) fail();
  EXPECT_EQ(wait(), seconds(1));
}

TEST_F(LaneTest, AnAnswerThatAsksForALongerWaitGetsIt) {
  Verdict busy = verdict(Action::kRetry);
  busy.wait = seconds(30);
  lane.failed(busy, {}, now);
  EXPECT_EQ(wait(), seconds(30));
}

TEST_F(LaneTest, AWrongKeyOrAddressIsTriedEveryFiveMinutesAlsoWhereItFailedBefore) {
  for (const auto& [action, named] :
       {std::pair(Action::kUnauthorized, DeliveryState::kUnauthorized),
        std::pair(Action::kMisconfigured, DeliveryState::kMisconfigured)}) {
    lane = Lane(kBackoff, 1);
    fail();
    for (int i = 0; i < 10; ++i) {
      fail(action);
      EXPECT_EQ(lane.state(), named);
      EXPECT_EQ(wait(), minutes(5));
    }
  }
}

TEST_F(LaneTest, AnotherKeyEndsTheWaitOfARefusedOneAndNoOther) {
  fail(Action::kUnauthorized);
  now += seconds(2);
  lane.key_changed(now);
  EXPECT_EQ(allowed(), 1U);
  fail(Action::kMisconfigured);
  now += seconds(2);
  lane.key_changed(now);
  EXPECT_EQ(allowed(), 0U);
}

TEST_F(LaneTest, AChangedNetworkEndsTheWaitButNotBeforeRetryInitial) {
  for (int i = 0; i < 20; ++i) {
    wait();
    fail();
  }
  now += milliseconds(300);
  lane.network_changed(now);
  EXPECT_EQ(wait(), milliseconds(700));
  EXPECT_EQ(allowed(), 1U);
}

TEST_F(LaneTest, WhatFailedForWantOfANetworkIsForgottenAndNothingElse) {
  for (int i = 0; i < 5; ++i) {
    wait();
    lane.failed(verdict(Action::kRetry, true), {}, now);
  }
  lane.lost_network();
  EXPECT_EQ(lane.state(), DeliveryState::kDelivering);
  // The network may turn out to be there at once.
  EXPECT_EQ(allowed(), 0U);
  EXPECT_EQ(wait(), seconds(1));
  EXPECT_EQ(allowed(), 1U);
  fail();
  lane.lost_network();
  EXPECT_EQ(allowed(), 0U);
}

TEST_F(LaneTest, ThreeDifferentBatchesRefusedAndNothingTakenIsNoMatterOfData) {
  EXPECT_FALSE(lane.refused(1, "no", now));
  EXPECT_FALSE(lane.refused(1, "no", now)) << "a part of the same";
  EXPECT_FALSE(lane.refused(2, "no", now));
  EXPECT_TRUE(lane.refused(3, "no", now));
  EXPECT_TRUE(lane.is_refusing());
  EXPECT_EQ(lane.state(), DeliveryState::kRefused);
  EXPECT_EQ(lane.last_error(), "no");
  EXPECT_EQ(allowed(), 0U);
  wait();
  EXPECT_EQ(allowed(), 1U);
  EXPECT_TRUE(lane.refused(1, "no", now));
}

TEST_F(LaneTest, ADeliveryBetweenRefusalsSaysThatTheyAreAboutTheData) {
  for (RequestId batch = 1; batch <= 20; batch += 2) {
    EXPECT_FALSE(lane.refused(batch, "no", now));
    EXPECT_FALSE(lane.refused(batch + 1, "no", now));
    lane.delivered(now);
  }
}

TEST_F(LaneTest, ADeliveryEndsTheRefusal) {
  for (RequestId batch = 1; batch <= 3; ++batch) lane.refused(batch, "no", now);
  lane.delivered(now);
  EXPECT_FALSE(lane.is_refusing());
  EXPECT_EQ(allowed(), 8U);
  EXPECT_FALSE(lane.refused(1, "no", now));
}

TEST_F(LaneTest, ItKnowsWhetherSomethingWasDeliveredSinceThen) {
  EXPECT_FALSE(lane.delivered_since(BootTime(0)));
  lane.delivered(now);
  EXPECT_TRUE(lane.delivered_since(now));
  EXPECT_FALSE(lane.delivered_since(now + milliseconds(1)));
}

}  // namespace
}  // namespace flowmyna
