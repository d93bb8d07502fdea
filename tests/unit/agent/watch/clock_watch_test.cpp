#include "agent/watch/clock_watch.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace flowmyna::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(SuspendDetector, WhileTheMachineIsAwakeBothClocksMoveAlike) {
  SuspendDetector detector(hours(5), hours(3));  // it slept for two hours before we came
  EXPECT_EQ(detector.look(hours(6), hours(4)), milliseconds(0));
  EXPECT_EQ(detector.look(hours(1000), hours(998)), milliseconds(0));
}

TEST(SuspendDetector, ASleepIsToldOnceAndAsLongAsItWas) {
  SuspendDetector detector(hours(5), hours(5));
  EXPECT_EQ(detector.look(hours(8), hours(6)), hours(2));
  EXPECT_EQ(detector.look(hours(9), hours(7)), milliseconds(0));
  EXPECT_EQ(detector.look(hours(12), hours(9)), hours(1));
}

TEST(SuspendDetector, TheClocksOwnInaccuracyIsNoSleepHoweverOftenItIsLookedAt) {
  SuspendDetector detector(hours(5), hours(5));
  for (int look = 0; look < 1000; ++look) {
    EXPECT_EQ(detector.look(hours(6) + milliseconds(look % 3), hours(6)), milliseconds(0));
  }
}

TEST(ClockWatch, NothingIsToldWhileNobodySetsTheClock) {
  auto watch = ClockWatch::open();
  ASSERT_TRUE(watch) << watch.error().message;
  pollfd polled{watch->fd(), POLLIN, 0};
  EXPECT_EQ(poll(&polled, 1, 0), 0);
  EXPECT_EQ(watch->slept(), milliseconds(0));
}

}  // namespace
}  // namespace flowmyna::test
