#include "agent/config/units.h"

#include <gtest/gtest.h>

namespace flowmyna::test {
namespace {

using namespace std::chrono_literals;

TEST(Units, DurationsHaveAUnit) {
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("30s").value(), 30s);
  EXPECT_EQ(parse_duration("5m").value(), 5min);
  EXPECT_EQ(parse_duration("1h").value(), 1h);
  EXPECT_EQ(parse_duration("0ms").value(), 0ms);
}

TEST(Units, SizesHaveAUnit) {
  EXPECT_EQ(parse_size_bytes("100B").value(), 100U);
  EXPECT_EQ(parse_size_bytes("512KiB").value(), 512U * 1024);
  EXPECT_EQ(parse_size_bytes("64MiB").value(), 64U * 1024 * 1024);
  EXPECT_EQ(parse_size_bytes("1GiB").value(), 1024U * 1024 * 1024);
}

TEST(Units, WhatIsNoDurationIsRefusedWithAnExample) {
  for (const char* text : {"", "30", "s", "-1s", "1.5s", "30 s", "30sec", "30S", " 30s", "30s ",
                           "1h30m", "99999999999999999999s", "9223372036854775807h"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message,
              "'" + std::string(text) +
                  "' is not a duration: write a whole number and a unit, like "
                  "\"250ms\", \"30s\", \"5m\" or \"1h\"");
  }
}

TEST(Units, WhatIsNoSizeIsRefusedWithAnExample) {
  for (const char* text : {"", "1", "GiB", "1GB", "1 GiB", "1gib", "1.5GiB", "-1B", "1TiB",
                           "18446744073709551616B", "9223372036854775807GiB"}) {
    const auto parsed = parse_size_bytes(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message, "'" + std::string(text) +
                                          "' is not a size: write a whole number and a unit, like "
                                          "\"100B\", \"512KiB\", \"64MiB\" or \"1GiB\"");
  }
}

TEST(Units, FormattingGivesTheShortestTextThatReadsBack) {
  EXPECT_EQ(format_duration(0ms), "0ms");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(1025), "1025B");
  EXPECT_EQ(format_size(1536U * 1024), "1536KiB");
  EXPECT_EQ(format_size(1ULL << 40U), "1024GiB");
}

}  // namespace
}  // namespace flowmyna::test
