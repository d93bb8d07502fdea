#include "core/json_text.h"

#include <gtest/gtest.h>

#include <string>

namespace flowmyna {
namespace {

TEST(JsonText, CharactersAreCountedNotBytes) {
  EXPECT_EQ(count_characters(""), 0U);
  EXPECT_EQ(count_characters("abc"), 3U);
  EXPECT_EQ(count_characters("äß€"), 3U);
  EXPECT_EQ(count_characters("😀😀"), 2U);
}

TEST(JsonText, Utf8IsJudgedByTheRfc) {
  EXPECT_TRUE(is_utf8("a\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
  for (const char* text : {"\x80", "\xc1\x80", "\xe0\x9f\x80", "\xed\xa0\x80", "\xf0\x8f\x80\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x98"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

TEST(JsonText, CanonicalEscapingTouchesOnlyWhatItMust) {
  EXPECT_EQ(json_string("plain/ä😀\x7f"), "\"plain/ä😀\x7f\"");
  EXPECT_EQ(json_string("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(json_string(std::string("\0\x01\x1f", 3)), R"("\u0000\u0001\u001f")");
  EXPECT_FALSE(needs_escape("plain/ä😀"));
  EXPECT_TRUE(needs_escape("a\nb"));
}

TEST(JsonText, UnescapingGivesBackWhatWasEscaped) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all.push_back(static_cast<char>(c));
  std::string escaped;
  append_escaped(escaped, all);
  EXPECT_EQ(unescape(escaped), all);
}

TEST(JsonText, UnescapingDamagedTextEndsInsideIt) {
  EXPECT_EQ(unescape("a\\"), "a\\");
  EXPECT_EQ(unescape("\\u00"), "u00");
}

TEST(JsonText, NumbersAreThoseOfJsonWhateverTheirSize) {
  for (const char* number :
       {"0", "-0", "0.0", "5420.00", "12345678901234567890123", "0.1234567890123456789", "1e400",
        "1E+2", "1e-99999", "-1.5e07", "10"}) {
    EXPECT_TRUE(is_json_number(number)) << number;
  }
  for (const char* other : {"", "-", "+1", "01", "-01", "00", "1.", ".5", "1e", "1e+", "1.e1",
                            "0x10", "NaN", "Infinity", "1 ", " 1", "1,", "--1", "1_000"}) {
    EXPECT_FALSE(is_json_number(other)) << other;
  }
}

TEST(JsonText, PointsInTimeAreThoseOfIso8601) {
  for (const char* time :
       {"2023-01-15", "2023-01-15T10:30", "2023-01-15T10:30:00Z", "2023-01-15 10:30:00.123456",
        "2023-01-15T10:30:00,5+02:00", "2023-01-15T10:30:00-0530", "20230115T103000Z", "2024-02-29",
        "2000-02-29", "2023-12-31T23:59:60Z", "2023-01-15t10:30:00z"}) {
    EXPECT_TRUE(is_iso8601(time)) << time;
  }
  for (const char* other : {"",
                            "now",
                            "2023",
                            "2023-01",
                            "2023-1-5",
                            "15.01.2023",
                            "2023-13-01",
                            "2023-00-10",
                            "2023-01-32",
                            "2023-02-29",
                            "1900-02-29",
                            "2023-04-31",
                            "2023-01-15T",
                            "2023-01-15T24:00",
                            "2023-01-15T10:60",
                            "2023-01-15T10:30:61",
                            "2023-01-15T10:30:00.",
                            "2023-01-15T10:30:00+",
                            "2023-01-15T10:30:00Zx",
                            "2023-0115",
                            "1673778600",
                            "2023-01-15T10:30:00+25:00"}) {
    EXPECT_FALSE(is_iso8601(other)) << other;
  }
}

}  // namespace
}  // namespace flowmyna
