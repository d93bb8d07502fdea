#include "agent/ctl/export_file.h"

#include <gtest/gtest.h>

#include <sstream>

namespace flowmyna::ctl {
namespace {

constexpr const char* kBegun =
    R"({"export":"e-1","source":"s-1","version":"0.1.0","through":9,"pending":2,"dead_letters":1})";
constexpr const char* kPending =
    R"({"receipt":3,"accepted_unix_s":17,"upsert":{"type":"Order","id":"1","properties":{"v":5.0}}})";
constexpr const char* kSent =
    R"({"receipt":4,"maybe_sent":"K","accepted_unix_s":18,"event":{"event":"E"}})";
constexpr const char* kLetter = R"({"dead_letter":5,"status":422,"operations":[]})";

std::string file_of(const std::vector<std::string>& lines) {
  ExportSum sum;
  std::string out = export_header(kBegun) + '\n';
  sum.add(out);
  for (const std::string& line : lines) {
    sum.add_line(line);
    out += line + '\n';
  }
  return out + sum.last_line() + '\n';
}

std::string wrong_with(const std::string& file) {
  std::istringstream in(file);
  const auto summary = check_export(in);
  return summary ? "nothing" : summary.error();
}

TEST(ExportFile, SaysWhatIsInIt) {
  const std::string file = file_of({kPending, kSent, kLetter});
  std::istringstream in(file);
  const auto summary = check_export(in);
  ASSERT_TRUE(summary) << summary.error();
  EXPECT_EQ(summary->id, "e-1");
  EXPECT_EQ(summary->source, "s-1");
  EXPECT_EQ(summary->through, 9U);
  EXPECT_EQ(summary->lines, 3U);
  EXPECT_EQ(summary->operations, 2U);
  EXPECT_EQ(summary->letters, 1U);
  EXPECT_EQ(summary->maybe_sent, 1U);
  EXPECT_EQ(summary->first, 3U);
  EXPECT_EQ(summary->bytes, file.size());
  EXPECT_EQ(wrong_with(file_of({})), "nothing");
}

TEST(ExportFile, OneThatIsCutAtAnyByteIsNotTaken) {
  const std::string file = file_of({kPending, kSent, kLetter});
  // Without its last line feed it is still whole.
  for (std::size_t size = 0; size + 1 < file.size(); ++size) {
    EXPECT_NE(wrong_with(file.substr(0, size)), "nothing") << size;
  }
  EXPECT_EQ(wrong_with(file.substr(0, file.rfind("{\"end\""))),
            "it was cut short: its last line is missing; copy it again");
}

TEST(ExportFile, OneWithAnyByteChangedIsNotTaken) {
  const std::string file = file_of({kPending});
  for (std::size_t i = 0; i + 1 < file.size(); ++i) {
    std::string changed = file;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_NE(wrong_with(changed), "nothing") << i;
  }
  EXPECT_EQ(wrong_with(file + file),
            "it goes on after its last line; import each export separately");
  EXPECT_EQ(wrong_with(R"({"flowmyna_export":2,"export":"x"})"),
            "it was exported by a newer version; install that here first");
  EXPECT_EQ(wrong_with("{\"type\":\"T\"}\n"), "it is not an export");
}

TEST(ExportLine, WhetherAnEventMayHaveBeenSentIsNoPartOfWhatItIs) {
  const ExportLine sent = read_export_line(kSent);
  EXPECT_EQ(sent.receipt, 4U);
  EXPECT_TRUE(sent.may_have_been_sent);
  const ExportLine unsent =
      read_export_line(R"({"receipt":4,"accepted_unix_s":18,"event":{"event":"E"}})");
  EXPECT_FALSE(unsent.may_have_been_sent);
  EXPECT_EQ(sent.content, unsent.content);
  EXPECT_NE(sent.content, read_export_line(kPending).content);
  EXPECT_TRUE(read_export_line(kLetter).is_letter);
  EXPECT_EQ(read_export_line(kLetter).receipt, 5U);
}

TEST(ExportLine, TellsHowManyEventsHaveTheTimeOfAClockThatWasNotSynchronised) {
  constexpr const char* kEvent =
      R"({"receipt":6,"unsynchronised":1,"accepted_unix_s":18,"event":{"event":"E"}})";
  constexpr const char* kTwoDead =
      R"({"dead_letter":7,"status":422,"reason":"\"unsynchronised\":9","unsynchronised":2,"operations":[]})";
  constexpr const char* kNone =
      R"({"receipt":8,"accepted_unix_s":18,"upsert":{"properties":{"unsynchronised":1}}})";
  EXPECT_EQ(read_export_line(kEvent).unsynchronised, 1U);
  EXPECT_EQ(read_export_line(kTwoDead).unsynchronised, 2U);
  EXPECT_EQ(read_export_line(kNone).unsynchronised, 0U);
  EXPECT_EQ(read_export_line(kLetter).unsynchronised, 0U);
  std::istringstream in(file_of({kEvent, kTwoDead, kNone}));
  EXPECT_EQ(check_export(in)->unsynchronised, 3U);
}

}  // namespace
}  // namespace flowmyna::ctl
