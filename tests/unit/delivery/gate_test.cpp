#include "delivery/gate.h"

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

Verdict verdict(Action action, const std::string& reason = "because") {
  Verdict out;
  out.action = action;
  out.reason = reason;
  return out;
}
const Verdict kHealthy = verdict(Action::kSettle, "");

/// A page in place of the API's answer.
Verdict page() {
  Verdict out = verdict(Action::kRetry);
  out.is_of_path = true;
  return out;
}

bool is_answered(const Verdict& verdict) {
  return verdict.action != Action::kRelease && verdict.action != Action::kNoKey;
}

Verdict throttled(milliseconds wait) {
  Verdict out = verdict(Action::kThrottled);
  out.wait = wait;
  return out;
}

/// A gate and the time that it is told.
class GateTest : public testing::Test {
 protected:
  Gate gate{kBackoff, 1};
  BootTime now{10'000};

  bool is_open() const { return gate.is_open(now); }
  DeliveryState state() const { return gate.state(now); }

  void probe(const Verdict& answer) {
    ASSERT_TRUE(gate.wants_probe(now));
    gate.probe_sent(now);
    gate.probe_answered(answer, is_answered(answer), now, now);
  }
  void open() {
    probe(kHealthy);
    gate.reached(now, true);
    ASSERT_TRUE(is_open());
  }
  void fail(Action action = Action::kRetry) { gate.failed(verdict(action), now, now); }
  /// To the moment at which the gate changes by itself; how long that took.
  milliseconds wait() {
    const auto change = gate.next_change(now);
    EXPECT_TRUE(change);
    const milliseconds waited = change.value_or(now) - now;
    now = change.value_or(now);
    return waited;
  }
};

TEST_F(GateTest, AtStartUpAProbeGoesFirst) {
  EXPECT_FALSE(is_open());
  EXPECT_TRUE(gate.wants_probe(now));
  EXPECT_EQ(gate.next_change(now), std::nullopt);
  gate.probe_sent(now);
  EXPECT_TRUE(gate.is_probing());
  EXPECT_FALSE(gate.wants_probe(now));
  EXPECT_FALSE(is_open());
  gate.probe_answered(kHealthy, true, now, now);
  EXPECT_FALSE(gate.is_probing());
  EXPECT_FALSE(gate.wants_probe(now));
  EXPECT_TRUE(is_open());
}

TEST_F(GateTest, HealthThatIsBrokenButNoPageIsAHintThatThereIsAWay) {
  probe(verdict(Action::kRetry));
  EXPECT_TRUE(is_open());
  EXPECT_FALSE(gate.wants_probe(now));
}

TEST_F(GateTest, WhereHealthIsAPageEverySecondAttemptIsARequest) {
  probe(page());
  EXPECT_FALSE(is_open());
  wait();
  EXPECT_TRUE(is_open());
  gate.failed(page(), now, now);
  wait();
  EXPECT_FALSE(is_open());
  probe(page());
  wait();
  EXPECT_FALSE(is_open()) << "this one is health's turn";
  probe(page());
  wait();
  EXPECT_TRUE(is_open());
}

TEST_F(GateTest, WhereTheKeyIsRefusedByHealthAlone_WritesGetTheirTurn) {
  probe(verdict(Action::kUnauthorized));
  EXPECT_EQ(state(), DeliveryState::kUnauthorized);
  EXPECT_EQ(wait(), minutes(5));
  EXPECT_TRUE(is_open());
  gate.reached(now, true);
  EXPECT_EQ(state(), DeliveryState::kDelivering);
}

TEST_F(GateTest, AKeyThatDeliversIsNotWrongForWhatHealthSays) {
  open();
  gate.reached(now, true);
  gate.probe_sent(now);
  gate.probe_answered(verdict(Action::kUnauthorized), true, now, now);
  EXPECT_TRUE(is_open());
  gate.doubt_key();
  probe(verdict(Action::kUnauthorized));
  EXPECT_EQ(state(), DeliveryState::kUnauthorized) << "requests were refused as well";
}

TEST_F(GateTest, AnotherKeyHasToProveItself) {
  open();
  gate.reached(now, true);
  gate.key_changed(now);
  now += seconds(1);
  gate.probe_sent(now);
  gate.probe_answered(verdict(Action::kUnauthorized), true, now, now);
  EXPECT_EQ(state(), DeliveryState::kUnauthorized);
}

TEST_F(GateTest, WithoutANetworkNoRequestIsTriedInPlaceOfHealth) {
  for (int i = 0; i < 10; ++i) {
    probe(verdict(Action::kRelease));
    wait();
    EXPECT_FALSE(is_open());
  }
}

TEST_F(GateTest, ADoubtOfTheKeyAsksHealthAtOnce) {
  open();
  gate.doubt_key();
  EXPECT_FALSE(is_open());
  probe(kHealthy);
  EXPECT_TRUE(is_open()) << "then it is the endpoint that refuses it";
}

TEST_F(GateTest, WithoutAKeyItWaitsForOneAndSaysSo) {
  open();
  fail(Action::kNoKey);
  EXPECT_EQ(state(), DeliveryState::kNoKey);
  EXPECT_FALSE(is_open());
  now += seconds(2);
  gate.key_changed(now);
  EXPECT_TRUE(gate.wants_probe(now));
}

TEST_F(GateTest, AFileThatIsMissingIsLookedForEveryHalfMinute) {
  open();
  fail(Action::kMisconfigured);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(state(), DeliveryState::kMisconfigured);
    EXPECT_LE(wait(), seconds(30));
    Verdict missing = verdict(Action::kMisconfigured);
    gate.probe_sent(now);
    gate.probe_answered(missing, false, now, now);
  }
}

TEST_F(GateTest, AtStartUpItIsNotSaidToBackOff) {
  EXPECT_EQ(state(), DeliveryState::kDelivering);
}

TEST_F(GateTest, AFailureClosesUntilTheWaitEndsThenAProbeIsDue) {
  open();
  fail();
  EXPECT_FALSE(is_open());
  EXPECT_FALSE(gate.wants_probe(now));
  EXPECT_EQ(state(), DeliveryState::kBackingOff);
  EXPECT_EQ(gate.last_error(), "because");
  EXPECT_EQ(wait(), seconds(1));
  EXPECT_FALSE(is_open());
  EXPECT_TRUE(gate.wants_probe(now));
  EXPECT_EQ(state(), DeliveryState::kBackingOff);
  EXPECT_EQ(gate.next_change(now), std::nullopt);
  probe(kHealthy);
  EXPECT_TRUE(is_open());
  EXPECT_EQ(state(), DeliveryState::kDelivering);
  gate.reached(now, true);
  EXPECT_TRUE(is_open());
  EXPECT_EQ(gate.last_error(), "");
}

TEST_F(GateTest, WaitsGrowWithEveryFailedProbeUpToTheMaximum) {
  milliseconds longest{0};
  milliseconds ceiling = kBackoff.initial;
  for (int i = 0; i < 60; ++i) {
    probe(verdict(Action::kRelease));
    const milliseconds waited = wait();
    EXPECT_GE(waited, kBackoff.initial);
    EXPECT_LE(waited, ceiling);
    ceiling = std::min(2 * ceiling, kBackoff.max);
    longest = std::max(longest, waited);
  }
  EXPECT_GT(longest, seconds(200));
}

TEST_F(GateTest, ADeliveryEndsTheGrowthOfTheWaits) {
  for (int i = 0; i < 10; ++i) {
    probe(verdict(Action::kRelease));
    wait();
  }
  open();
  fail();
  EXPECT_EQ(wait(), seconds(1));
}

TEST_F(GateTest, AHealthyProbeEndsTheGrowthOfTheWaits) {
  for (int i = 0; i < 20; ++i) {  // the endpoint is to blame, whose waits grow
    probe(kHealthy);
    fail();
    EXPECT_EQ(wait(), seconds(1));
  }
}

TEST_F(GateTest, WhatFailsTogetherCountsAsOneFailure) {
  open();
  for (int i = 0; i < 8; ++i) {
    fail();
    now += milliseconds(10);
  }
  EXPECT_EQ(wait(), seconds(1) - 8 * milliseconds(10));
}

TEST_F(GateTest, AStragglerThatFailsDuringTheProbeDoesNotCountAgain) {
  open();
  fail();
  wait();
  gate.probe_sent(now);
  fail();
  gate.probe_answered(kHealthy, true, now, now);
  EXPECT_TRUE(is_open());
}

TEST_F(GateTest, AThrottleWaitsAsLongAsItWasToldAndNeedsNoProbe) {
  open();
  gate.failed(throttled(seconds(30)), now, now);
  EXPECT_FALSE(is_open());
  EXPECT_EQ(state(), DeliveryState::kBackingOff);
  EXPECT_EQ(wait(), seconds(30));
  EXPECT_FALSE(gate.wants_probe(now));
  EXPECT_TRUE(is_open());
  gate.reached(now, true);
  EXPECT_TRUE(is_open());
}

TEST_F(GateTest, TheLongestOfSeveralThrottlesCounts) {
  open();
  gate.failed(throttled(seconds(30)), now, now);
  gate.failed(throttled(seconds(5)), now, now);
  gate.failed(throttled(seconds(40)), now, now);
  EXPECT_EQ(wait(), seconds(40));
}

TEST_F(GateTest, ADeliveryThatWasUnderWayBeforeAThrottleDoesNotEndItsWait) {
  open();
  gate.failed(throttled(seconds(30)), now, now);
  gate.reached(now, true);
  EXPECT_FALSE(is_open());
  EXPECT_EQ(wait(), seconds(30));
  EXPECT_TRUE(is_open());
}

TEST_F(GateTest, ADeliveryThatWasUnderWayBeforeAThrottleLeavesTheWayBackAsItIs) {
  open();
  gate.failed(throttled(seconds(30)), now, now);
  gate.reached(now, true);
  EXPECT_EQ(gate.last_error(), "because");
  wait();
  EXPECT_TRUE(is_open());
}

TEST_F(GateTest, AThrottleThatNamesNoTimeIsMetWithDoublingWaits) {
  open();
  milliseconds ceiling = seconds(1);
  milliseconds longest{0};
  for (int i = 0; i < 60; ++i) {
    gate.failed(throttled(seconds(1)), now, now);
    const milliseconds waited = wait();
    EXPECT_GE(waited, seconds(1));
    EXPECT_LE(waited, ceiling);
    ceiling = std::min(2 * ceiling, kBackoff.max);
    longest = std::max(longest, waited);
  }
  EXPECT_GT(longest, seconds(200));
}

TEST_F(GateTest, ADeliveryEndsTheGrowthOfAThrottlesWaits) {
  open();
  for (int i = 0; i < 20; ++i) {
    gate.failed(throttled(seconds(1)), now, now);
    wait();
  }
  gate.reached(now, true);
  gate.failed(throttled(seconds(1)), now, now);
  EXPECT_EQ(wait(), seconds(1));
}

TEST_F(GateTest, ThrottlesOfWhatWasUnderWayTogetherCountAsOne) {
  open();
  for (int i = 0; i < 8; ++i) gate.failed(throttled(seconds(1)), now, now);
  EXPECT_EQ(wait(), seconds(1));
}

TEST_F(GateTest, ABackOffIsNoShorterThanTheAnswerAsksFor) {
  Verdict unavailable = page();
  unavailable.wait = seconds(30);
  open();
  gate.failed(unavailable, now, now);
  EXPECT_EQ(wait(), seconds(30));
  probe(unavailable);
  EXPECT_EQ(wait(), seconds(30));
  gate.reached(now, true);
  fail();
  gate.failed(unavailable, now, now);  // it was under way beside the first that failed
  EXPECT_EQ(wait(), seconds(30));
}

TEST_F(GateTest, ADeliveryEndsTheWaitOfABackOff) {
  open();
  fail();
  gate.reached(now, true);
  EXPECT_TRUE(is_open());
  EXPECT_EQ(state(), DeliveryState::kDelivering);
}

TEST_F(GateTest, AWrongKeyIsTriedAgainEveryFiveMinutesAndNamesTheState) {
  open();
  fail(Action::kUnauthorized);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(state(), DeliveryState::kUnauthorized);
    EXPECT_FALSE(is_open());
    EXPECT_EQ(wait(), minutes(5));
    if (gate.wants_probe(now)) {
      probe(verdict(Action::kUnauthorized));
    } else {
      fail(Action::kUnauthorized);
    }
  }
}

TEST_F(GateTest, AWrongKeyIsToldEvenWhileTheGateIsClosedForTheNetwork) {
  open();
  fail();
  fail(Action::kUnauthorized);
  EXPECT_EQ(state(), DeliveryState::kUnauthorized);
  EXPECT_EQ(wait(), minutes(5));
}

TEST_F(GateTest, APauseStopsRequestsAndProbesAndItsEndTriesAtOnce) {
  open();
  fail();
  gate.pause();
  EXPECT_EQ(state(), DeliveryState::kPaused);
  EXPECT_EQ(gate.next_change(now), std::nullopt);
  now += minutes(1);
  EXPECT_FALSE(is_open());
  EXPECT_FALSE(gate.wants_probe(now));
  fail();
  gate.resume(now);
  EXPECT_TRUE(gate.wants_probe(now));
  EXPECT_NE(state(), DeliveryState::kPaused);
}

TEST_F(GateTest, APausedGateStaysPausedWhateverIsAnswered) {
  open();
  gate.pause();
  gate.reached(now, true);
  EXPECT_FALSE(is_open());
  gate.hurry(now);
  EXPECT_FALSE(is_open());
  gate.resume(now);
  EXPECT_TRUE(is_open());
}

TEST_F(GateTest, HurryEndsTheWaitButNotTheProbe) {
  open();
  fail(Action::kUnauthorized);
  gate.hurry(now);
  EXPECT_FALSE(is_open());
  EXPECT_TRUE(gate.wants_probe(now));
}

TEST_F(GateTest, TheEndOfABackOffDoesNotEndTheWaitOfA429) {
  open();
  gate.failed(throttled(seconds(30)), now, now);
  gate.end_back_off(now);
  EXPECT_EQ(wait(), seconds(30));
  fail();
  gate.end_back_off(now);
  EXPECT_TRUE(gate.wants_probe(now));
}

TEST_F(GateTest, HurryOnAnOpenGateChangesNothing) {
  open();
  gate.hurry(now);
  EXPECT_TRUE(is_open());
  EXPECT_FALSE(gate.wants_probe(now));
}

/// Fails until the next wait is an hour or so; the gate is then closed since just now.
void fail_for_long(Gate& gate, BootTime& now) {
  for (int i = 0; i < 30; ++i) {
    now = std::max(now, gate.next_change(now).value_or(now));
    gate.probe_sent(now);
    gate.probe_answered(verdict(Action::kRelease), false, now, now);
  }
}

TEST_F(GateTest, AChangedNetworkEndsTheBackOffAtOnceWithAProbe) {
  fail_for_long(gate, now);
  now += seconds(1);
  gate.network_changed(now);
  EXPECT_TRUE(gate.wants_probe(now));
  EXPECT_FALSE(is_open());
  open();
}

TEST_F(GateTest, AChangedNetworkIsTriedNoEarlierThanRetryInitialAfterTheFailure) {
  fail_for_long(gate, now);
  now += milliseconds(300);
  gate.network_changed(now);
  EXPECT_FALSE(gate.wants_probe(now));
  EXPECT_EQ(wait(), milliseconds(700));
  EXPECT_TRUE(gate.wants_probe(now));
}

TEST_F(GateTest, ANetworkThatFlapsIsTriedOnceARetryInitialAndTheWaitsGoOnGrowing) {
  BootTime last{0};
  for (int i = 0; i < 10'000; ++i, now += milliseconds(10)) {
    gate.network_changed(now);
    if (!gate.wants_probe(now)) continue;
    if (last.count() > 0) {
      EXPECT_GE(now - last, kBackoff.initial);
      EXPECT_LE(now - last, kBackoff.initial + milliseconds(10));
    }
    last = now;
    gate.probe_sent(now);
    gate.probe_answered(verdict(Action::kRelease), false, now, now);
  }
  milliseconds longest{0};
  now += seconds(20);  // it has settled, and does not work
  for (int i = 0; i < 10; ++i) {
    probe(verdict(Action::kRelease));
    longest = std::max(longest, wait());
  }
  EXPECT_GT(longest, seconds(100));
}

TEST_F(GateTest, ANetworkThatFlapsFasterThanARequestCanLeaveIsAskedOnceARetryInitial) {
  const BootTime begin = now;
  int probes = 0;
  for (; now < begin + seconds(10); now += milliseconds(1)) {
    gate.network_changed(now);
    if (!gate.wants_probe(now)) continue;
    ++probes;
    gate.probe_sent(now);
    gate.probe_answered(verdict(Action::kSettle), true, now, now);
  }
  EXPECT_GE(probes, 9);
  EXPECT_LE(probes, 11);
}

TEST_F(GateTest, WhileANetworkSettlesTheWaitsGrowFromTheirBeginning) {
  fail_for_long(gate, now);
  now += seconds(1);
  gate.network_changed(now);
  probe(verdict(Action::kRelease));  // the route is there, the name server is not
  EXPECT_EQ(wait(), seconds(1));
  probe(verdict(Action::kRelease));
  EXPECT_LE(wait(), seconds(2));
}

TEST_F(GateTest, AChangedNetworkEndsTheFiveMinutesOfAPortalButNotA429) {
  open();
  fail(Action::kUnauthorized);
  now += seconds(2);
  gate.network_changed(now);
  EXPECT_TRUE(gate.wants_probe(now));
  open();
  gate.failed(throttled(seconds(30)), now, now);
  now += seconds(2);
  gate.network_changed(now);
  EXPECT_FALSE(is_open());
  EXPECT_FALSE(gate.wants_probe(now));
  EXPECT_EQ(wait(), seconds(28));
}

TEST_F(GateTest, AFailureOfTheOldNetworkClosesForRetryInitialSinceItsSendingAtMost) {
  open();
  const BootTime sent_at = now;
  now += milliseconds(400);
  gate.network_changed(now);
  gate.failed(verdict(Action::kRetry), sent_at, now);
  EXPECT_FALSE(is_open());
  EXPECT_EQ(wait(), milliseconds(600));
  EXPECT_TRUE(gate.wants_probe(now));
}

TEST_F(GateTest, AFailureOfTheOldNetworkSaysNothingOnceTheNewOneDelivered) {
  open();
  const BootTime sent_at = now;
  now += seconds(5);
  gate.network_changed(now);
  gate.reached(now, true);
  now += seconds(10);
  gate.failed(verdict(Action::kRetry), sent_at, now);
  EXPECT_TRUE(is_open());
  gate.failed(verdict(Action::kRetry), now, now);
  EXPECT_FALSE(is_open());
}

TEST_F(GateTest, AProbeThatTheNetworkChangedUnderIsOvertakenAfterRetryInitial) {
  gate.probe_sent(now);
  const BootTime sent_at = now;
  now += milliseconds(400);
  gate.network_changed(now);
  EXPECT_FALSE(gate.wants_probe(now));
  EXPECT_EQ(wait(), milliseconds(600));
  probe(kHealthy);
  EXPECT_TRUE(is_open());
  gate.probe_answered(verdict(Action::kRelease), false, sent_at, now);
  EXPECT_TRUE(is_open()) << "the overtaken one says nothing";
  gate.probe_answered(throttled(seconds(30)), true, sent_at, now);
  EXPECT_FALSE(is_open()) << "but a 429 holds for all";
}

TEST_F(GateTest, ATrialUnderWayHasItsTimeBeforeAChangedNetworkBeginsAnew) {
  probe(kHealthy);
  gate.request_sent(now);
  now += milliseconds(100);
  gate.network_changed(now);
  EXPECT_FALSE(is_open());
  EXPECT_FALSE(gate.wants_probe(now));
  EXPECT_EQ(wait(), milliseconds(900));
  EXPECT_TRUE(gate.wants_probe(now));
  gate.reached(now, true);
  EXPECT_TRUE(is_open());
}

TEST_F(GateTest, HurryDoesNotSendAProbeBesideATrialUnderWay) {
  probe(kHealthy);
  gate.request_sent(now);
  const BootTime sent_at = now;
  now += milliseconds(100);
  gate.network_changed(now);
  gate.hurry(now);
  EXPECT_FALSE(is_open());
  EXPECT_FALSE(gate.wants_probe(now));
  EXPECT_EQ(wait(), milliseconds(900)) << "it has the same time as without";
  EXPECT_TRUE(gate.wants_probe(now));
  now = sent_at + milliseconds(200);
  gate.failed(verdict(Action::kRetry), sent_at, now);
  EXPECT_EQ(wait(), milliseconds(800)) << "and once it failed the next has its distance";
  gate.hurry(now);
  EXPECT_TRUE(gate.wants_probe(now)) << "or whoever asks again is served";
}

TEST_F(GateTest, AStragglersFailureSendsNoProbeBesideATrialUnderWay) {
  open();
  const BootTime sent_before = now;
  fail();
  now += seconds(1);
  probe(kHealthy);
  gate.request_sent(now);
  const BootTime trial_sent_at = now;
  now += milliseconds(10);
  gate.failed(verdict(Action::kRetry), sent_before, now);
  now += minutes(10);
  EXPECT_FALSE(gate.wants_probe(now));
  gate.failed(verdict(Action::kRetry), trial_sent_at, now);
  now += minutes(10);
  EXPECT_TRUE(gate.wants_probe(now));
}

TEST_F(GateTest, AChangedNetworkDoesNotCloseAnOpenGate) {
  open();
  gate.network_changed(now);
  EXPECT_TRUE(is_open());
  EXPECT_FALSE(gate.wants_probe(now));
}

TEST_F(GateTest, AnotherKeyEndsTheFiveMinutesAtOnce) {
  open();
  fail(Action::kUnauthorized);
  gate.key_changed(now);
  EXPECT_TRUE(gate.wants_probe(now));
  open();
}

TEST_F(GateTest, AnotherKeyDoesNotEndABackOff) {
  open();
  fail();
  gate.key_changed(now);
  EXPECT_EQ(wait(), seconds(1));
}

TEST_F(GateTest, ARefusalOfTheKeyOfBeforeSaysNothingOfTheNewOne) {
  open();
  const BootTime sent_at = now;
  now += milliseconds(50);
  gate.key_changed(now);
  gate.failed(verdict(Action::kUnauthorized), sent_at, now);
  EXPECT_TRUE(is_open());
  now += milliseconds(1);
  gate.failed(verdict(Action::kUnauthorized), now, now);
  EXPECT_EQ(state(), DeliveryState::kUnauthorized);
}

TEST_F(GateTest, AProbeWithTheKeyOfBeforeIsSentAgainAtOnce) {
  gate.probe_sent(now);
  const BootTime sent_at = now;
  now += milliseconds(50);
  gate.key_changed(now);
  gate.probe_answered(verdict(Action::kUnauthorized), true, sent_at, now);
  EXPECT_TRUE(gate.wants_probe(now));
}

}  // namespace
}  // namespace flowmyna
