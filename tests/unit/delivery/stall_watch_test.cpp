#include "delivery/stall_watch.h"

#include <gtest/gtest.h>

namespace flowmyna {
namespace {

using std::chrono::milliseconds;
using Finding = StallWatch::Finding;

class StallWatchTest : public testing::Test {
 protected:
  static StallWatch::Time at(int ms) { return StallWatch::Time(milliseconds(ms)); }
  Finding look(int ms) { return watch_.look(at(ms), {acknowledged_, received_}); }

  StallWatch watch_{milliseconds(800)};
  std::uint64_t acknowledged_ = 0;
  std::uint64_t received_ = 0;
};

TEST_F(StallWatchTest, BeforeTheRequestLeavesNothingIsLate) {
  EXPECT_EQ(watch_.next_look(), StallWatch::Time::max());
}

TEST_F(StallWatchTest, StandingStillForTheLimitIsTooLong) {
  watch_.begin(at(0), {});
  EXPECT_EQ(look(799), Finding::kMoves);
  EXPECT_EQ(look(800), Finding::kStandsStill);
}

TEST_F(StallWatchTest, WhatThePeerAcknowledgesIsProgress) {
  watch_.begin(at(0), {});
  acknowledged_ = 1;
  EXPECT_EQ(look(700), Finding::kMoves);
  EXPECT_EQ(look(1499), Finding::kMoves);
  EXPECT_EQ(look(1500), Finding::kStandsStill);
}

TEST_F(StallWatchTest, WhatComesFromItIsProgress) {
  watch_.begin(at(0), {});
  received_ = 1;
  EXPECT_EQ(look(700), Finding::kMoves);
  EXPECT_EQ(look(1499), Finding::kMoves);
}

TEST_F(StallWatchTest, WhoeverTricklesHasTenTimesTheLimit) {
  watch_.begin(at(0), {});
  for (int ms = 100; ms < 8000; ms += 100) {
    ++received_;
    EXPECT_EQ(look(ms), Finding::kMoves) << ms;
  }
  EXPECT_EQ(look(8000), Finding::kTakesTooLong);
}

TEST_F(StallWatchTest, SendingAgainIsProgressButNoNewBeginning) {
  watch_.begin(at(0), {});
  watch_.begin(at(7'500), {});
  EXPECT_EQ(look(7'999), Finding::kMoves);
  EXPECT_EQ(look(8'000), Finding::kTakesTooLong);
}

TEST_F(StallWatchTest, TheNextLookIsSoonEnoughToNoticeInTime) {
  watch_.begin(at(0), {});
  EXPECT_EQ(watch_.next_look(), at(100));
  look(100);
  EXPECT_EQ(watch_.next_look(), at(200));
  look(750);
  EXPECT_EQ(watch_.next_look(), at(800));
}

}  // namespace
}  // namespace flowmyna
