#include "core/export_lines.h"

#include <gtest/gtest.h>

#include "padded_body.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert =
    R"({"type":"Order","id":"O-1","properties":{"total":5420.00,"big":12345678901234567890123,)"
    R"("huge":1e400,"gone":null,"nested":{"a":[1.50]}}})";
constexpr const char* kEvent =
    R"({"event":"Paid","objects":[{"type":"Order","id":"O-1","qualifier":"of"}],)"
    R"("timestamp":"2024-01-02T03:04:05.678Z","properties":{"n":0.10}})";

/// Reads lines, and writes what they hold again.
class ExportLinesTest : public testing::Test {
 protected:
  Result<ExportedLines> read(const std::string& body) {
    return read_export_lines(PaddedBody(body).view());
  }
  std::string error_of(const std::string& body) {
    const auto lines = read(body);
    return lines ? "none" : lines.error().message;
  }
  Operation operation(const ExportedLines& lines, std::size_t i) {
    return Operation::parse(lines.operations[i]).value();
  }
  std::string again(const ExportedLines& lines, std::size_t i, const std::string& key = "") {
    std::string out;
    Window::Row row;
    row.receipt = i + 1;
    row.accepted_unix_s = lines.accepted_unix_s[i];
    append_pending_line(out, row, operation(lines, i), key);
    return out;
  }
};

TEST_F(ExportLinesTest, WhatIsReadIsWrittenAgainByteForByteDigitsAndAll) {
  const std::string upsert =
      std::string(R"({"receipt":1,"accepted_unix_s":1700000000,"upsert":)") + kUpsert + "}\n";
  const std::string event =
      std::string(R"({"receipt":2,"maybe_sent":"K","accepted_unix_s":1700000001,"event":)") +
      kEvent + "}\n";
  const auto lines = read(upsert + event);
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(lines->lines, 2U);
  ASSERT_EQ(lines->maybe_sent.size(), 1U);
  EXPECT_EQ(lines->maybe_sent[0].operation, 1U);
  EXPECT_EQ(lines->maybe_sent[0].key, "K");
  EXPECT_EQ(again(*lines, 0), upsert);
  EXPECT_EQ(again(*lines, 1, "K"), event);
  EXPECT_FALSE(operation(*lines, 1).is_stamped_here) << "its time is what it was";
}

TEST_F(ExportLinesTest, ADeadLetterKeepsTheApisWordsAndAllItsOperations) {
  DeadLetter letter;
  letter.id = 1;
  letter.status = 422;
  letter.reason = "no \"orders\"\n today";
  letter.attempts = 3;
  letter.at_unix_s = 1'700'000'009;
  const auto source =
      read(std::string(R"({"receipt":1,"accepted_unix_s":17,"upsert":)") + kUpsert + "}\n" +
           R"({"receipt":2,"accepted_unix_s":18,"upsert":)" + kUpsert + "}\n");
  ASSERT_TRUE(source);
  std::vector<Operation> operations;
  for (std::size_t i = 0; i < 2; ++i) {
    letter.operations.add(i + 1, source->accepted_unix_s[i], source->operations[i]);
    operations.push_back(operation(*source, i));
  }
  std::string line;
  append_letter_line(line, letter, operations);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto lines = read(line);
  ASSERT_TRUE(lines) << lines.error().message;
  ASSERT_EQ(lines->letters.size(), 1U);
  const Arrival::Letter& read_again = lines->letters[0];
  EXPECT_EQ(read_again.first, 0U);
  EXPECT_EQ(read_again.count, 2U);
  EXPECT_EQ(read_again.status, 422);
  EXPECT_EQ(read_again.reason, letter.reason);
  EXPECT_EQ(read_again.attempts, 3U);
  EXPECT_EQ(read_again.at_unix_s, 1'700'000'009);
  EXPECT_EQ(lines->accepted_unix_s, (std::vector<std::int64_t>{17, 18}));
  EXPECT_EQ(lines->operations[1], source->operations[1]);
}

TEST_F(ExportLinesTest, WhatAClockThatWasNotSynchronisedHasStampedIsMarked) {
  const auto source =
      read(std::string(R"({"receipt":1,"accepted_unix_s":17,"event":)") + kEvent + "}\n");
  ASSERT_TRUE(source);
  std::vector<Operation> events(2, operation(*source, 0));
  events[1].boot = BootStamp{7, BootTime{9}};
  Window::Row row;
  row.receipt = 2;
  std::string lines;
  append_pending_line(lines, row, events[0], "");
  EXPECT_EQ(lines.find("unsynchronised"), std::string::npos) << lines;
  append_pending_line(lines, row, events[1], "");
  EXPECT_NE(lines.find(R"({"receipt":2,"unsynchronised":1,"accepted_unix_s":)"), std::string::npos);
  DeadLetter letter;
  letter.id = 3;
  for (Receipt receipt = 3; receipt < 5; ++receipt) {
    letter.operations.add(receipt, 17, source->operations[0]);
  }
  append_letter_line(lines, letter, events);
  EXPECT_NE(lines.find(R"("unsynchronised":1,"operations":[)"), std::string::npos) << lines;
  const auto again = read(lines);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(operation(*again, 1).timestamp, events[1].timestamp) << "it is taken as it is";
}

TEST_F(ExportLinesTest, ALineFeedBetweenThePartsOfAValueDoesNotBreakTheLine) {
  std::string stored;
  const auto source = read(R"({"receipt":1,"accepted_unix_s":17,"upsert":{"type":"T","id":"1"}})");
  ASSERT_TRUE(source);
  Operation upsert = operation(*source, 0);
  std::string properties;
  const Property value{"v", "{\n\"a\":\r\n1}"};
  PropertiesView::encode({&value, 1}, properties);
  upsert.properties = PropertiesView(properties);
  Window::Row row;
  append_pending_line(stored, row, upsert, "");
  EXPECT_EQ(stored.find('\n'), stored.size() - 1);
  EXPECT_EQ(stored.find('\r'), std::string::npos);
}

TEST_F(ExportLinesTest, WhatNoExportHoldsIsRefusedWithTheNumberOfItsLine) {
  const std::string good = R"({"receipt":1,"accepted_unix_s":17,"upsert":{"type":"T","id":"1"}})";
  EXPECT_EQ(error_of(good), "none");
  EXPECT_EQ(error_of(good + "\n{"), "line 2: not a line of an export");
  EXPECT_EQ(error_of("\n"), "line 1: not a line of an export");
  EXPECT_EQ(error_of("[]"), "line 1: not a line of an export");
  EXPECT_EQ(error_of(good + good), "line 1: not a line of an export");
  EXPECT_EQ(error_of(R"({"type":"T","id":"1"})"), "line 1: the line holds no operation");
  EXPECT_EQ(error_of(R"({"receipt":1,"upsert":{"type":"T","id":"1"}})"),
            "line 1: the line holds no operation");
  EXPECT_EQ(error_of(R"({"receipt":1,"accepted_unix_s":17,"upsert":{"type":"T"}})"),
            "line 1: id: Field required");
  EXPECT_EQ(
      error_of(
          R"({"receipt":1,"accepted_unix_s":1,"event":{"event":"E","objects":[{"type":"T","id":"1"}]}})"),
      "line 1: the event has no timestamp");
  EXPECT_EQ(error_of(R"({"dead_letter":1,"status":422,"operations":[]})"),
            "line 1: the dead letter holds no operation");
  EXPECT_EQ(error_of(R"({"dead_letter":1,"status":-1,"operations":[)" + good + "]}"),
            "line 1: not a line of an export");
  EXPECT_EQ(error_of(R"({"dead_letter":1,"operations":[)" + good +
                     R"(],"upsert":{"type":"T","id":"2"}})"),
            "line 1: the line holds more than one kind of entry");
}

}  // namespace
}  // namespace flowmyna::test
