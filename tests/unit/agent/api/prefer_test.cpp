#include "agent/api/prefer.h"

#include <gtest/gtest.h>

#include <string>

namespace flowmyna {
namespace {

/// Seconds; 0 for none.
std::int64_t wait_of(const std::string& prefer) {
  return preferred_wait(prefer).value_or(std::chrono::seconds(0)).count();
}

TEST(Prefer, AWaitIsFoundHoweverItIsWritten) {
  for (const char* prefer :
       {"wait=10", "Wait=10", "WAIT = 10", " wait=10 ", "wait=\"10\"", "wait=010", "wait=10;x=y",
        "wait=10 ; \"a,b\"", "respond-async, wait=10", "a=\"x, wait=3\", wait=10",
        "a=\"\\\", wait=3\", wait=10", ",, ,wait=10,", "handling=lenient;wait=3,\twait=10"}) {
    EXPECT_EQ(wait_of(prefer), 10) << prefer;
  }
}

TEST(Prefer, OfSeveralWaitsTheFirstCounts) {
  EXPECT_EQ(wait_of("wait=10, wait=20"), 10);
  EXPECT_EQ(wait_of("wait=x, wait=20"), 0);
}

TEST(Prefer, NoWaitIsLongerThanAnHour) {
  for (const char* prefer :
       {"wait=3600", "wait=3601", "wait=18446744073709551616", "wait=99999999999999999999999"}) {
    EXPECT_EQ(wait_of(prefer), 3600) << prefer;
  }
}

TEST(Prefer, WhatIsNoWaitIsIgnored) {
  for (const char* prefer :
       {"",          ",",         ";",           "=",          "\"",       "\\",
        "\"\\",      "wait",      "wait=",       "wait=0",     "wait=00",  "wait=-1",
        "wait=+1",   "wait=1.5",  "wait=1e3",    "wait=0x10",  "wait=1s",  "wait=\"10",
        "wait=10\"", "wait=\"\"", "wait= 1 0",   "waits=10",   "await=10", "respond-async",
        "x=wait=10", "a;wait=10", "\"wait=10\"", "\"wait\"=10"}) {
    EXPECT_EQ(wait_of(prefer), 0) << prefer;
  }
}

}  // namespace
}  // namespace flowmyna
