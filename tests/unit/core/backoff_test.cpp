#include "core/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace flowmyna {
namespace {

using std::chrono::milliseconds;

struct Range {
  milliseconds least;
  milliseconds most;
};

Range waits_after(std::uint32_t failures, const BackoffOptions& options = {}) {
  Random random(7);
  Range range{milliseconds::max(), milliseconds::min()};
  for (int i = 0; i < 2000; ++i) {
    const auto wait = backoff_wait(options, failures, random);
    range = {std::min(range.least, wait), std::max(range.most, wait)};
  }
  return range;
}

TEST(Backoff, TheFirstFailureWaitsTheFirstStep) {
  EXPECT_EQ(waits_after(1).least, milliseconds(1000));
  EXPECT_EQ(waits_after(1).most, milliseconds(1000));
}

TEST(Backoff, EachFailureDoublesTheCeilingAndTheJitterFillsTheWholeRange) {
  auto ceiling = milliseconds(1000);
  for (std::uint32_t failures = 2; failures <= 9; ++failures) {
    ceiling *= 2;
    const Range range = waits_after(failures);
    EXPECT_GE(range.least, milliseconds(1000)) << failures;
    EXPECT_LE(range.least, ceiling / 100 + milliseconds(1000)) << failures;
    EXPECT_LE(range.most, ceiling) << failures;
    EXPECT_GE(range.most, ceiling - ceiling / 100) << failures;
  }
}

TEST(Backoff, NoNumberOfFailuresWaitsLongerThanTheMaximum) {
  for (const std::uint32_t failures : {10U, 41U, 42U, 64U, 65U, 1'000'000U, UINT32_MAX}) {
    const Range range = waits_after(failures);
    EXPECT_LE(range.most, milliseconds(300'000)) << failures;
    EXPECT_GE(range.most, milliseconds(297'000)) << failures;
    EXPECT_GE(range.least, milliseconds(1000)) << failures;
  }
}

TEST(Backoff, AMaximumBelowTheFirstStepGivesTheFirstStep) {
  const BackoffOptions options{milliseconds(5000), milliseconds(1000)};
  EXPECT_EQ(waits_after(1, options).least, milliseconds(5000));
  EXPECT_EQ(waits_after(50, options).most, milliseconds(5000));
}

TEST(Backoff, TheLargestAndSmallestStepsStayDefined) {
  const BackoffOptions largest{milliseconds::max(), milliseconds::max()};
  EXPECT_EQ(waits_after(50, largest).least, milliseconds::max());
  const BackoffOptions none{milliseconds(0), milliseconds(0)};
  EXPECT_EQ(waits_after(50, none).most, milliseconds(0));
}

TEST(Backoff, OneSeedGivesOneSequenceOfWaits) {
  Random one(3);
  Random other(3);
  for (std::uint32_t failures = 1; failures < 20; ++failures) {
    EXPECT_EQ(backoff_wait({}, failures, one), backoff_wait({}, failures, other));
  }
}

}  // namespace
}  // namespace flowmyna
