#include "core/token_bucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace flowmyna {
namespace {

using std::chrono::milliseconds;
using Time = TokenBucket::Time;

constexpr Time kMinute{60'000};

std::uint32_t burst(TokenBucket& bucket, Time now) {
  std::uint32_t taken = 0;
  while (taken < 100'000 && bucket.take(now)) ++taken;
  return taken;
}

TEST(TokenBucket, ATenthOfTheLimitMayGoAtOnce) {
  TokenBucket bucket(1000);
  EXPECT_EQ(burst(bucket, Time(5)), 100U);
  EXPECT_EQ(burst(bucket, Time(5)), 0U);
}

TEST(TokenBucket, ALimitBelowTenStillLetsOneGo) {
  for (std::uint32_t limit = 1; limit < 10; ++limit) {
    TokenBucket bucket(limit);
    EXPECT_EQ(burst(bucket, Time(0)), 1U) << limit;
  }
}

TEST(TokenBucket, ALongPauseSavesUpNoMoreThanABurst) {
  TokenBucket bucket(1000);
  burst(bucket, Time(0));
  EXPECT_EQ(burst(bucket, 1000 * kMinute), 100U);
}

TEST(TokenBucket, ZeroIsNoLimit) {
  TokenBucket bucket(0);
  EXPECT_EQ(burst(bucket, Time(0)), 100'000U);
  EXPECT_EQ(bucket.ready_at(Time(7)), Time(7));
}

TEST(TokenBucket, ThereIsATokenWhenItIsSaidToBeReadyAndNoneMuchBefore) {
  for (const std::uint32_t limit : {1U, 2U, 7U, 60U, 1000U, 1'000'000U}) {
    TokenBucket bucket(limit);
    Time now(0);
    for (int i = 0; i < 1000; ++i) {
      burst(bucket, now);
      const Time ready = bucket.ready_at(now);
      ASSERT_GT(ready, now) << limit;
      TokenBucket early = bucket;
      if (ready - now > Time(2)) {
        ASSERT_FALSE(early.take(ready - Time(2))) << limit;
      }
      ASSERT_EQ(bucket.ready_at(ready), ready) << limit;
      ASSERT_TRUE(bucket.take(ready)) << limit;
      now = ready;
    }
  }
}

/// The most requests within any 60 seconds of an hour, when every token is taken as soon as it can
/// be, after pauses of random length.
std::size_t most_in_a_minute(std::uint32_t limit) {
  std::mt19937_64 random(limit);
  TokenBucket bucket(limit);
  std::deque<Time> last_minute;
  std::size_t most = 0;
  for (Time now(0); now < 60 * kMinute; now = bucket.ready_at(now)) {
    if (random() % 200 == 0) now += Time(random() % 120'000);
    while (bucket.take(now)) last_minute.push_back(now);
    while (!last_minute.empty() && last_minute.front() <= now - kMinute) last_minute.pop_front();
    most = std::max(most, last_minute.size());
  }
  return most;
}

TEST(TokenBucket, NoMinuteSeesMoreThanTheLimitWheneverItBegins) {
  for (const std::uint32_t limit : {1U, 2U, 3U, 9U, 10U, 11U, 15U, 60U, 100U, 999U, 1000U}) {
    EXPECT_LE(most_in_a_minute(limit), limit);
  }
}

TEST(TokenBucket, MostOfTheLimitCanBeUsed) {
  for (const std::uint32_t limit : {10U, 60U, 1000U}) {
    EXPECT_GE(most_in_a_minute(limit), limit - limit / 10 - 1);
  }
}

TEST(TokenBucket, AClockThatStandsStillGivesNothing) {
  TokenBucket bucket(1000);
  burst(bucket, Time(500));
  EXPECT_FALSE(bucket.take(Time(500)));
  EXPECT_FALSE(bucket.take(Time(400)));
  EXPECT_TRUE(bucket.take(Time(600)));
}

}  // namespace
}  // namespace flowmyna
