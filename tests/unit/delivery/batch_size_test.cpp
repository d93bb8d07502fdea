#include "delivery/batch_size.h"

#include <gtest/gtest.h>

namespace flowmyna {
namespace {

constexpr std::size_t kMax = 1U << 20;

TEST(BatchSize, IsTheLargestAtFirst) {
  EXPECT_EQ(BatchSize(kMax).bytes_max(), kMax);
}

TEST(BatchSize, IsHalfOfWhatWasTooMuchAndNeverMoreThanBefore) {
  BatchSize size(kMax);
  size.was_too_much(200'000, BootTime(0));
  EXPECT_EQ(size.bytes_max(), 100'000U);
  size.was_too_much(400'000, BootTime(0));  // it was under way already
  EXPECT_EQ(size.bytes_max(), 100'000U);
  for (int i = 0; i < 100; ++i) size.was_too_much(size.bytes_max(), BootTime(0));
  EXPECT_EQ(size.bytes_max(), 2048U) << "smaller requests would not help";
}

TEST(BatchSize, WhatWorksIsKeptForAWhileThenTwiceAsMuchIsTried) {
  BatchSize size(kMax);
  size.was_too_much(200'000, BootTime(0));
  size.passed(90'000, std::chrono::minutes(9));
  EXPECT_EQ(size.bytes_max(), 100'000U);
  size.passed(30'000, std::chrono::minutes(11));
  EXPECT_EQ(size.bytes_max(), 100'000U) << "that says nothing about larger ones";
  size.passed(90'000, std::chrono::minutes(11));
  EXPECT_EQ(size.bytes_max(), 200'000U);
  size.passed(190'000, std::chrono::minutes(12));
  EXPECT_EQ(size.bytes_max(), 200'000U);
  for (int i = 2; i < 20; ++i) size.passed(size.bytes_max(), i * std::chrono::minutes(11));
  EXPECT_EQ(size.bytes_max(), kMax);
}

TEST(BatchSize, ASmallLargestIsKept) {
  BatchSize size(500);
  size.was_too_much(400, BootTime(0));
  EXPECT_EQ(size.bytes_max(), 500U);
}

}  // namespace
}  // namespace flowmyna
