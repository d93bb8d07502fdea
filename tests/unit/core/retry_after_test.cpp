// How long an answer asks to wait, whatever stands in its headers.

#include "core/retry_after.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace flowmyna {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT
constexpr std::int64_t kNone = -1;

std::int64_t wait_s(const std::string& retry_after, const std::string& reset = "",
                    std::int64_t now = kNow, const std::string& date = "") {
  Answer answer;
  answer.date = date;
  answer.retry_after = retry_after;
  answer.rate_limit_reset = reset;
  const auto wait = asked_wait(answer, now);
  return wait ? wait->count() : kNone;
}

TEST(RetryAfter, SecondsAreKept) {
  EXPECT_EQ(wait_s("1"), 1);
  EXPECT_EQ(wait_s("30"), 30);
  EXPECT_EQ(wait_s("0030"), 30);
  EXPECT_EQ(wait_s("3600"), 3600);
}

TEST(RetryAfter, ADateIsCountedFromNowInEachOfItsThreeForms) {
  for (const char* date : {"Tue, 14 Nov 2023 22:14:20 GMT",    // IMF-fixdate
                           "Tuesday, 14-Nov-23 22:14:20 GMT",  // RFC 850
                           "Tue Nov 14 22:14:20 2023"}) {      // asctime
    EXPECT_EQ(wait_s(date), 60) << date;
  }
  const std::int64_t now = 1'698'962'340;  // Thu, 2 Nov 2023 21:59:00 GMT
  EXPECT_EQ(wait_s("Thu Nov  2 22:00:00 2023", "", now), 60);
}

TEST(RetryAfter, AYearOfTwoDigitsIsOneLessThanFiftyYearsAhead) {
  EXPECT_EQ(wait_s("Tuesday, 14-Nov-72 22:13:20 GMT"), 3600);  // 2072
  EXPECT_EQ(wait_s("Tuesday, 14-Nov-74 22:13:20 GMT"), 1);     // 1974
  EXPECT_EQ(wait_s("Tuesday, 14-Nov-99 22:13:20 GMT"), 1);     // 1999
  // Across the end of a century.
  const std::int64_t eve = 4'102'444'790;  // Thu, 31 Dec 2099 23:59:50 GMT
  EXPECT_EQ(wait_s("Friday, 01-Jan-00 00:00:00 GMT", "", eve), 10);
}

TEST(RetryAfter, XRateLimitResetIsCountedFromNow) {
  EXPECT_EQ(wait_s("", std::to_string(kNow + 45)), 45);
}

TEST(RetryAfter, OfBothHeadersRetryAfterCountsUnlessItNamesNoTime) {
  const std::string reset = std::to_string(kNow + 45);
  EXPECT_EQ(wait_s("10", reset), 10);
  EXPECT_EQ(wait_s("Tue, 14 Nov 2023 22:14:20 GMT", reset), 60);
  EXPECT_EQ(wait_s("-5", reset), 1);
  EXPECT_EQ(wait_s("1000000000000000000", reset), 3600);
  EXPECT_EQ(wait_s("soon", reset), 45);
  EXPECT_EQ(wait_s("1.5", reset), 45);
  EXPECT_EQ(wait_s(" ", reset), 45);
}

TEST(RetryAfter, WhitespaceAroundAValueIsNoPartOfIt) {
  EXPECT_EQ(wait_s(" 30\t"), 30);
  EXPECT_EQ(wait_s("\tTue, 14 Nov 2023 22:14:20 GMT "), 60);
  EXPECT_EQ(wait_s("", " " + std::to_string(kNow + 45) + " "), 45);
}

TEST(RetryAfter, NoWaitIsShorterThanASecond) {
  for (const char* retry_after : {"0", "-1", "-1000000000000000000", "-99999999999999999999",
                                  "Tue, 14 Nov 2023 22:13:20 GMT", "Thu, 01 Jan 1970 00:00:00 GMT",
                                  "Mon, 01 Jan 0001 00:00:00 GMT", "Thu Jan  1 00:00:00 1970"}) {
    EXPECT_EQ(wait_s(retry_after), 1) << retry_after;
  }
  for (const char* reset : {"0", "-5", "1", "-9223372036854775808", "-99999999999999999999"}) {
    EXPECT_EQ(wait_s("", reset), 1) << reset;
  }
}

TEST(RetryAfter, NoWaitIsLongerThanAnHour) {
  for (const char* retry_after :
       {"3601", "1000000000000000000", "9223372036854775807", "99999999999999999999",
        "Tue, 14 Nov 2028 22:13:20 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
        "Friday, 31-Dec-60 23:59:59 GMT", "Fri Dec 31 23:59:59 9999"}) {
    EXPECT_EQ(wait_s(retry_after), 3600) << retry_after;
  }
  for (const char* reset : {"1800000000", "9223372036854775807", "99999999999999999999"}) {
    EXPECT_EQ(wait_s("", reset), 3600) << reset;
  }
}

TEST(RetryAfter, AClockThatIsFarOffDoesNoHarm) {
  for (const std::int64_t now : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX}) {
    for (const char* text : {"Tue, 14 Nov 2023 22:13:20 GMT", "Tuesday, 14-Nov-23 22:13:20 GMT",
                             "Tue Nov 14 22:13:20 2023", "-9223372036854775808"}) {
      for (const auto& [retry_after, reset] :
           {std::pair<const char*, const char*>(text, ""), std::pair("", "1700000000"),
            std::pair("", "-9223372036854775808"), std::pair("", "9223372036854775807")}) {
        const std::int64_t wait = wait_s(retry_after, reset, now);
        EXPECT_TRUE(wait >= 1 && wait <= 3600) << retry_after << reset << " at " << now;
      }
    }
  }
}

constexpr std::int64_t kYear = 365 * 86'400;
constexpr const char* kDate = "Tue, 14 Nov 2023 22:13:20 GMT";  // kNow

TEST(RetryAfter, ADeviceAYearBehindOrAheadWaitsForThePointInTimeOfTheServersClock) {
  for (const std::int64_t now : {kNow - kYear, kNow + kYear}) {
    EXPECT_EQ(wait_s("", std::to_string(kNow + 20), now, kDate), 20) << now;
    EXPECT_EQ(wait_s("Tue, 14 Nov 2023 22:13:40 GMT", "", now, kDate), 20) << now;
    EXPECT_EQ(wait_s("Tuesday, 14-Nov-23 22:13:40 GMT", "", now, kDate), 20) << now;
  }
}

TEST(RetryAfter, TheServersClockIsReadInEachFormOfADateAndWithBlanksAroundIt) {
  for (const char* date : {"Tuesday, 14-Nov-23 22:13:20 GMT", "Tue Nov 14 22:13:20 2023",
                           " Tue, 14 Nov 2023 22:13:20 GMT\t"}) {
    EXPECT_EQ(wait_s("", std::to_string(kNow + 20), kNow + kYear, date), 20) << date;
  }
}

TEST(RetryAfter, SecondsNeedNoClock) {
  EXPECT_EQ(wait_s("20", "", kNow + kYear, kDate), 20);
}

TEST(RetryAfter, WithoutADateThatCanBeReadOurClockCounts) {
  for (const char* date : {"", " ", "yesterday", "0", "1700000000", "Tue, 14 Nov 2023",
                           "Tue, 14 Nov 2023 22:13:20 GMT and more", "\xff\xfe"}) {
    EXPECT_EQ(wait_s("", std::to_string(kNow + 45), kNow, date), 45) << date;
  }
}

TEST(RetryAfter, ADateThatIsFarOffDoesNoHarm) {
  for (const char* date : {"Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    for (const char* reset : {"0", "1700000000", "9223372036854775807", "-9223372036854775808"}) {
      const std::int64_t wait = wait_s("", reset, kNow, date);
      EXPECT_TRUE(wait >= 1 && wait <= 3600) << date << " " << reset;
    }
  }
}

TEST(RetryAfter, WhatIsNoTimeAsksForNothing) {
  for (const char* text :
       {"", " ", "\t", "soon", "1.5", "1e9", "+5", "0x10", "5s", "12 seconds", "1,5", "--5", "∞",
        "Tue, 14 Nov", "Tue, 99 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:20 GMT!",
        "Tue, 14 Nov 2023 22:13:20", "14 Nov 2023 22:13:20 GMT", "2023-11-14T22:13:20Z"}) {
    EXPECT_EQ(wait_s(text, text), kNone) << text;
  }
}

}  // namespace
}  // namespace flowmyna
