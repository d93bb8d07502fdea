#include "core/operation.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace flowmyna {
namespace {

std::string encoded(const std::vector<Property>& properties) {
  std::string out;
  PropertiesView::encode(properties, out);
  return out;
}

std::string stored(const Operation& operation) {
  std::string out;
  operation.encode(out);
  return out;
}

std::string json_of(const Operation& operation) {
  std::string out;
  operation.append_json(out);
  return out;
}

/// Reads `bytes` from a block of exactly their size, so that a byte too far is noticed, and gives
/// them as they would be stored again.
std::string read_back(std::string_view bytes) {
  const auto block = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), block.get());
  const auto operation = Operation::parse({block.get(), bytes.size()});
  if (!operation) return "";
  return json_of(*operation).empty() ? "no JSON" : stored(*operation);
}

/// An operation that owns what it points at.
struct Owned {
  std::vector<std::string> texts;
  Operation operation;
};

std::shared_ptr<Owned> arbitrary_operation() {
  auto out = std::make_shared<Owned>();
  const auto text = [&] {
    out->texts.push_back(*rc::gen::arbitrary<std::string>());
    return std::string_view(out->texts.back());
  };
  const auto properties = [&] {
    std::vector<Property> some;
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) some.push_back({text(), text()});
    out->texts.push_back(encoded(some));
    return PropertiesView(out->texts.back());
  };
  out->texts.reserve(100);  // views into short strings must not move
  Operation& operation = out->operation;
  operation.kind = *rc::gen::element(Kind::kUpsert, Kind::kEvent);
  operation.properties = properties();
  if (operation.kind == Kind::kUpsert) {
    operation.object = {text(), text()};
    return out;
  }
  operation.is_stamped_here = *rc::gen::arbitrary<bool>();
  if (operation.is_stamped_here && *rc::gen::arbitrary<bool>()) {
    operation.boot =
        BootStamp{*rc::gen::arbitrary<BootId>(), BootTime(*rc::gen::arbitrary<std::int64_t>())};
  }
  operation.name = text();
  operation.timestamp = text();
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
    operation.objects.push_back({{text(), text()}, text(), properties()});
  }
  return out;
}

TEST(Operation, AnUpsertBecomesAnItemOfABatch) {
  const std::string properties = encoded({{"a", "5420.00"}, {"", "null"}});
  Operation upsert;
  upsert.object = {"Customer", "CUST-456"};
  EXPECT_EQ(json_of(upsert), R"({"type":"Customer","id":"CUST-456"})");
  upsert.properties = PropertiesView(properties);
  EXPECT_EQ(json_of(upsert),
            R"({"type":"Customer","id":"CUST-456","properties":{"a":5420.00,"":null}})");
}

TEST(Operation, AMergedUpsertLooksLikeOneThatWasNeverSplit) {
  const std::vector<Property> properties = {{"a", "5420.00"}, {"", "null"}};
  const std::string bytes = encoded(properties);
  Operation upsert;
  upsert.object = {"Customer", "CUST-456"};
  upsert.properties = PropertiesView(bytes);
  std::string merged;
  append_upsert_json(merged, upsert.object, properties);
  EXPECT_EQ(merged, json_of(upsert));
}

TEST(Operation, ItsJsonTakesAtMostWhatItSaysHoweverMuchOfItIsFrame) {
  // Where strings are empty, all is frame; where they are not, lengths take more bytes or fewer.
  for (const std::string& text : {std::string(), std::string("a"), std::string(200, 'a'),
                                  std::string(R"(\u0000\"\\)"), std::string(20'000, 'a')}) {
    for (const std::size_t count : {0U, 1U, 2U, 300U}) {
      const std::string properties =
          encoded(std::vector<Property>(count, {text, text.empty() ? "null" : text}));
      Operation upsert;
      upsert.object = {text, text};
      upsert.properties = PropertiesView(properties);
      Operation event;
      event.kind = Kind::kEvent;
      event.name = text;
      event.timestamp = text;
      event.properties = upsert.properties;
      event.objects.resize(count == 300 ? 3 : 300, {{text, text}, text, upsert.properties});
      for (const Operation& operation : {upsert, event}) {
        const std::string bytes = stored(operation);
        const auto parsed = Operation::parse(bytes);
        ASSERT_TRUE(parsed);
        EXPECT_LE(json_of(*parsed).size(), parsed->json_bytes_max())
            << text.size() << " bytes, " << count << " properties";
      }
    }
  }
}

TEST(Operation, AnObjectIsWrittenByAnEventThatCarriesProperties) {
  const std::string properties = encoded({{"a", "1"}});
  EXPECT_TRUE((EventObject{{"A", "1"}, "", PropertiesView(properties)}.writes()));
  EXPECT_FALSE((EventObject{{"A", "1"}, "", {}}.writes()));
}

TEST(Operation, TheStoredFormIsSmall) {
  const std::string properties = encoded({{"tier", "\"gold\""}});
  Operation upsert;
  upsert.object = {"Customer", "CUST-456"};
  upsert.properties = PropertiesView(properties);
  EXPECT_EQ(stored(upsert).size(), 1 + (1 + 8) + (1 + 8) + (1 + 4) + (1 + 6));
}

/// An event without properties, behind these flags.
std::string event_with(std::string flags) {
  std::string bytes = "\x02" + std::move(flags);
  put_string(bytes, "E");
  put_string(bytes, "2023-01-15");
  put_varint(bytes, 0);
  return bytes;
}

TEST(Operation, AnEventOfAClockThatWasNotSynchronisedCarriesItsBootAndTheTimeInIt) {
  std::string flags = "\x03";
  flags += "\x08\x07\x06\x05\x04\x03\x02\x01";
  put_varint(flags, 300);
  const std::string bytes = event_with(flags);
  const auto event = Operation::parse(bytes);
  ASSERT_TRUE(event);
  EXPECT_TRUE(event->is_stamped_here);
  EXPECT_EQ(event->boot, (BootStamp{0x0102030405060708, BootTime(300)}));
  EXPECT_EQ(boot_stamp_of(bytes), event->boot);
  EXPECT_EQ(stored(*event), bytes);
  EXPECT_EQ(json_of(*event), R"({"event":"E","objects":[],"timestamp":"2023-01-15"})");
}

TEST(Operation, AnEventWithATimestampOfItsOwnHasNoBootStamp) {
  EXPECT_NE(read_back(event_with(std::string(1, '\0'))), "");
  EXPECT_NE(read_back(event_with("\x01")), "");
  EXPECT_EQ(read_back(event_with("\x02" + std::string(9, '\0'))), "");
  EXPECT_EQ(boot_stamp_of(event_with("\x02" + std::string(9, '\0'))), std::nullopt);
  EXPECT_EQ(boot_stamp_of("\x02\x03only"), std::nullopt);
}

TEST(Operation, BytesOfALaterFormatAreRefused) {
  EXPECT_EQ(read_back(event_with("\x04")), "");
  EXPECT_EQ(read_back(event_with("\x07" + std::string(9, '\0'))), "");
  EXPECT_EQ(read_back(""), "");
  EXPECT_EQ(read_back(std::string("\x03\x00\x00", 3)), "");
  EXPECT_EQ(read_back(std::string("\x00\x00\x00", 3)), "");
}

TEST(Operation, AHugeCountOfObjectsCostsNoMemory) {
  std::string bytes = "\x02";
  bytes.push_back('\0');
  put_string(bytes, "E");
  put_string(bytes, "2023-01-15");
  put_varint(bytes, ~std::uint64_t{0});
  EXPECT_EQ(read_back(bytes), "");
}

TEST(Operation, DamagedPropertiesAreRefusedWhereverTheyStand) {
  const PropertiesView damaged(
      "\x05"
      "ab");
  Operation upsert;
  upsert.object = {"A", "1"};
  upsert.properties = damaged;
  EXPECT_EQ(read_back(stored(upsert)), "");
  Operation event;
  event.kind = Kind::kEvent;
  event.objects = {{{"A", "1"}, "", {}}};
  EXPECT_EQ(read_back(stored(event)), stored(event));
  event.objects[0].properties = damaged;
  EXPECT_EQ(read_back(stored(event)), "");
}

RC_GTEST_PROP(OperationProperty, WhatIsStoredIsReadBackTheSame, ()) {
  const auto owned = arbitrary_operation();
  const std::string bytes = stored(owned->operation);
  RC_ASSERT(read_back(bytes) == bytes);
  const auto operation = Operation::parse(bytes);
  RC_ASSERT(operation.has_value());
  RC_ASSERT(operation->kind == owned->operation.kind);
  RC_ASSERT(operation->boot == owned->operation.boot);
  RC_ASSERT(boot_stamp_of(bytes) == owned->operation.boot);
  RC_ASSERT(json_of(*operation) == json_of(owned->operation));
}

RC_GTEST_PROP(OperationProperty, ItsJsonTakesAtMostWhatItSays, ()) {
  const std::string bytes = stored(arbitrary_operation()->operation);
  const auto operation = Operation::parse(bytes);
  RC_ASSERT(operation.has_value());
  RC_ASSERT(json_of(*operation).size() <= operation->json_bytes_max());
}

RC_GTEST_PROP(OperationProperty, DamagedBytesAreRefusedOrReadBackTheSame, ()) {
  std::string bytes = stored(arbitrary_operation()->operation);
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::arbitrary<char>();
  }
  bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
  const std::string again = read_back(bytes);
  RC_ASSERT(again.empty() || again == bytes);
}

RC_GTEST_PROP(OperationProperty, ArbitraryBytesAreRefusedOrReadBackTheSame,
              (const std::string& bytes)) {
  for (const char* kind : {"", "\x01", "\x02"}) {
    const std::string again = read_back(kind + bytes);
    RC_ASSERT(again.empty() || again == kind + bytes);
  }
}

}  // namespace
}  // namespace flowmyna
