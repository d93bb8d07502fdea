#include "delivery/compaction_pace.h"

#include <gtest/gtest.h>

namespace flowmyna::test {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kStep = 100;

/// A backlog and its writers, in simulated time.
class CompactionPaceTest : public testing::Test {
 protected:
  /// Lets the time pass, with `accepted` more in each millisecond; gives how many steps there were.
  int steps_in(milliseconds time, std::uint64_t accepted_per_ms) {
    int steps = 0;
    for (const BootTime end = now + time; now < end; now += milliseconds(1)) {
      accepted += accepted_per_ms;
      if (!pace.has_enough(accepted) || pace.is_pausing(accepted, now)) continue;
      step();
      ++steps;
    }
    return steps;
  }

  void step() {
    Compacted step;
    step.rows = std::min(kStep, accepted - looked_at);
    looked_at += step.rows;
    step.more = looked_at < accepted;
    step.folds.resize(1);
    step.folds.front().members.resize(step.rows / rows_per_fold);
    pace.ended(step, accepted, accepted, now);
  }

  CompactionPace pace{kStep};
  BootTime now{1'000'000};
  std::uint64_t accepted = 0;
  std::uint64_t looked_at = 0;
  std::uint64_t rows_per_fold = 1'000'000;  // fruitless
};

TEST_F(CompactionPaceTest, TakesNoStepBeforeThereIsOnesWorth) {
  EXPECT_EQ(pace.due_from(now), kStep);
  EXPECT_EQ(steps_in(milliseconds(99), 1), 0);
  EXPECT_EQ(steps_in(milliseconds(1), 1), 1);
}

TEST_F(CompactionPaceTest, FollowsWritersWhereItFolds) {
  rows_per_fold = 2;
  EXPECT_EQ(steps_in(milliseconds(1000), 10), 100);
}

TEST_F(CompactionPaceTest, IsSeldomWhereItFoldsNothingWhileWritersAreBusy) {
  accepted = 100 * kStep;
  EXPECT_EQ(steps_in(milliseconds(1000), 1), 4);    // each 250 ms
  EXPECT_EQ(steps_in(milliseconds(160), 100), 10);  // each 16 steps' worth
}

TEST_F(CompactionPaceTest, WritersAreBusyBetweenTheirBatchesToo) {
  accepted = 100 * kStep;
  int steps = 0;
  for (int batch = 0; batch < 100; ++batch) {
    accepted += 10;
    steps += steps_in(milliseconds(10), 0);
  }
  EXPECT_EQ(steps, 4);
}

TEST_F(CompactionPaceTest, MakesUpForItOnceWritersHavePaused) {
  accepted = 100 * kStep;
  EXPECT_EQ(steps_in(milliseconds(10), 1), 1);
  EXPECT_EQ(pace.pause_ends(now), now + milliseconds(240));
  EXPECT_EQ(pace.due_from(now), accepted - 9 + 16 * kStep);
  EXPECT_EQ(steps_in(milliseconds(490), 0), 1);
  EXPECT_EQ(steps_in(milliseconds(100), 0), 99);
  EXPECT_EQ(pace.pause_ends(now), std::nullopt);
  EXPECT_EQ(looked_at, accepted);
}

TEST_F(CompactionPaceTest, PausesAfterAFailureWhateverComes) {
  rows_per_fold = 2;
  accepted = kStep;
  pace.pause_until(now + milliseconds(1000));
  EXPECT_EQ(pace.pause_ends(now), now + milliseconds(1000));
  EXPECT_EQ(steps_in(milliseconds(1000), 1000), 0);
  EXPECT_GT(steps_in(milliseconds(1), 1000), 0);
}

TEST_F(CompactionPaceTest, AnewItLooksAtEverything) {
  rows_per_fold = 2;
  steps_in(milliseconds(10), kStep);
  EXPECT_FALSE(pace.has_enough(accepted));
  pace.start_anew();
  EXPECT_TRUE(pace.has_enough(accepted));
}

}  // namespace
}  // namespace flowmyna::test
