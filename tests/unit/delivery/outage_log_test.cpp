#include "delivery/outage_log.h"

#include <gtest/gtest.h>

namespace flowmyna {
namespace {

TEST(OutageLog, EachKindOfReasonIsToldOnceUntilTheApiIsReachedAgain) {
  OutageLog log;
  EXPECT_TRUE(log.failed("connection refused by api:443 (after 0 ms)"));
  EXPECT_FALSE(log.failed("connection refused by api:443 (after 17 ms)"));
  EXPECT_TRUE(log.failed("HTTP 503: busy, request 1"));
  EXPECT_FALSE(log.failed("HTTP 503: busy, request 2"));
  EXPECT_TRUE(log.failed("HTTP 502"));
  EXPECT_FALSE(log.failed("connection refused by api:443 (after 0 ms)"));
  EXPECT_TRUE(log.reached());
  EXPECT_TRUE(log.failed("HTTP 502"));
}

TEST(OutageLog, ThatTheApiIsReachedIsNoNewsWhileItWas) {
  OutageLog log;
  EXPECT_FALSE(log.reached());
  log.failed("HTTP 502");
  EXPECT_TRUE(log.reached());
  EXPECT_FALSE(log.reached());
}

}  // namespace
}  // namespace flowmyna
