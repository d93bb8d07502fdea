// Which item an error is about, by the objects and events that its text names. An event that is
// taken for another is lost, so most of this is about what is not believed.

#include "core/error_names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flowmyna::test {
namespace {

std::string event(const std::string& name, const std::vector<std::string>& objects,
                  const std::string& properties = "{}") {
  std::string named;
  for (const auto& object : objects) {
    const auto slash = object.find('/');
    named += (named.empty() ? "" : ",") + (R"({"type":")" + object.substr(0, slash)) +
             R"(","id":")" + object.substr(slash + 1) + "\"}";
  }
  return R"({"event":")" + name + R"(","timestamp":"2026-01-02","objects":[)" + named +
         R"(],"properties":)" + properties + "}";
}

std::string found(Kind kind, const std::vector<std::string>& items,
                  const std::vector<std::string>& errors) {
  std::string body;
  for (const auto& item : items) body += (body.empty() ? "" : ",") + item;
  body = (kind == Kind::kUpsert ? R"({"objects":[)" : R"({"events":[)") + body + "]}";
  const auto by_item = errors_by_name({kind, items.size(), body}, errors);
  if (!by_item) return "?";
  std::string out;
  for (const auto& [item, error] : *by_item) {
    out += (out.empty() ? "" : "; ") + std::to_string(item) + ": " + error;
  }
  return out;
}

/// Of what each error says, "item: error", in the order of the items; "?" if that is not known.
std::string in_events(const std::vector<std::string>& events,
                      const std::vector<std::string>& errors) {
  return found(Kind::kEvent, events, errors);
}

const std::vector<std::string> kEvents = {
    event("Created", {"Order/O-1", "Customer/C-1"}),
    event("Shipped", {"Order/O-2", "Customer/C-1"}),
    event("Order Paid", {"Order/7", "Customer/C-2"}),
};

/// The item of `kEvents` that `error` identifies.
std::string item_of(const std::string& error) {
  const std::string out = in_events(kEvents, {error});
  return out == "?" ? out : out.substr(0, out.find(':'));
}

TEST(ErrorNames, AnObjectThatOneEventAloneHasIdentifiesIt) {
  EXPECT_EQ(item_of("Order/O-2: not found"), "1");
  EXPECT_EQ(item_of("no such object: (Order/O-2)."), "1");
  EXPECT_EQ(item_of("Order/7 is locked"), "2");
  EXPECT_EQ(item_of("Order 'O-2' is locked"), "1");
  EXPECT_EQ(item_of("type=\"Order\", id=\"7\": locked"), "2");
  EXPECT_EQ(item_of("Order O-2 is locked"), "1");
}

TEST(ErrorNames, AnObjectThatSeveralEventsHaveIdentifiesNone) {
  EXPECT_EQ(item_of("Customer/C-1 is locked"), "?");
  EXPECT_EQ(item_of("Customer/C-1 of Order/O-2 is locked"), "1");
}

TEST(ErrorNames, ATextThatNamesThingsOfSeveralEventsIdentifiesNone) {
  EXPECT_EQ(item_of("Order/O-1 conflicts with Order/O-2"), "?");
  EXPECT_EQ(item_of("Order/O-1 does not belong to Customer/C-2"), "?");
  EXPECT_EQ(item_of("event 'Created' on Order/O-2"), "?");
}

TEST(ErrorNames, ABareNumberMayBeAPosition) {
  EXPECT_EQ(item_of("Order 7 is invalid"), "?");
  EXPECT_EQ(item_of("objects[7]: Order is invalid"), "?");
  EXPECT_EQ(item_of("item (7), Order: no"), "?");
}

TEST(ErrorNames, ABareWordMayBeProse) {
  const std::vector<std::string> sites = {event("E", {"Site/default"}), event("F", {"Site/x"})};
  EXPECT_EQ(in_events(sites, {"no default Site set"}), "?");
  EXPECT_EQ(in_events(sites, {"no Site 'default'"}), "0: no Site 'default'");
}

TEST(ErrorNames, APartOfANameIsNoName) {
  for (const char* error : {"Order/O-22", "Order/O-2.5", "Order/O-2/3", "PreOrder/O-2",
                            "my-Order/O-2", "Order/O", "Orders 'O-2'", "'O-2'", "O-2", "order/o-2",
                            "Order: O-22", "Shipped", "'Shipped!'", "'shipped'", "Order"}) {
    EXPECT_EQ(item_of(error), "?") << error;
  }
}

TEST(ErrorNames, AnEventIsIdentifiedByItsNameInQuotes) {
  EXPECT_EQ(item_of("event 'Shipped' is not known"), "1");
  EXPECT_EQ(item_of("\"Order Paid\" is not known"), "2");
  EXPECT_EQ(item_of("Shipped is not known"), "?");
}

TEST(ErrorNames, ANameThatAnotherEventHasOrContainsIdentifiesNone) {
  const auto of = [](const std::string& first, const std::string& second) {
    return in_events({event(first, {"T/a"}), event(second, {"T/b"})}, {"'Paid' is not known"});
  };
  EXPECT_EQ(of("Paid", "Sent"), "0: 'Paid' is not known");
  EXPECT_EQ(of("Paid", "Paid"), "?");
  EXPECT_EQ(of("Paid", "Paid Late"), "?");
}

TEST(ErrorNames, WhatAlsoStandsElsewhereInTheRequestIdentifiesNone) {
  const auto of = [](const std::string& properties) {
    const std::vector<std::string> events = {event("status", {"T/k1"}),
                                             event("Sent", {"T/k2"}, properties)};
    return in_events(events, {"'status' must be a number"}) + " | " +
           in_events(events, {"T k1 is not known"});
  };
  EXPECT_EQ(of(R"({"a":1})"), "0: 'status' must be a number | 0: T k1 is not known");
  EXPECT_EQ(of(R"({"status":"k1"})"), "? | ?");
}

TEST(ErrorNames, EachErrorHasToIdentifyAnotherItem) {
  EXPECT_EQ(in_events(kEvents, {"Order/7: a", "Order/O-1: b"}), "0: Order/O-1: b; 2: Order/7: a");
  EXPECT_EQ(in_events(kEvents, {"Order/7: a", "Order/7: b"}), "?");
  EXPECT_EQ(in_events(kEvents, {"Order/7: a", "no"}), "?");
}

TEST(ErrorNames, APositionBesideANameHasToFitIt) {
  EXPECT_EQ(item_of("index 1: Order/O-2 is locked"), "1");
  EXPECT_EQ(item_of("index 2: Order/O-2 is locked"), "1");
  EXPECT_EQ(item_of("index 0: Order/O-2 is locked"), "?");
  EXPECT_EQ(item_of("index 7: Order is locked"), "?");
}

TEST(ErrorNames, JsonInAnErrorMayWriteAPositionInAnyWay) {
  EXPECT_EQ(in_events(kEvents, {R"({"type":"Order","index":"7"})"}), "?");
}

TEST(ErrorNames, AnUpsertIsIdentifiedByItsObject) {
  const std::vector<std::string> upserts = {R"({"type":"T","id":"a b"})",
                                            R"({"type":"T","id":"\"c\"\n"})"};
  EXPECT_EQ(found(Kind::kUpsert, upserts, {"T/a b: no"}), "0: T/a b: no");
  EXPECT_EQ(found(Kind::kUpsert, upserts, {"T '\"c\"\n': no"}), "1: T '\"c\"\n': no");
  EXPECT_EQ(found(Kind::kUpsert, upserts, {"T/a: no"}), "?");
}

TEST(ErrorNames, ALongTextOrAnUnreadableRequestNamesNothing) {
  EXPECT_EQ(item_of("Order/O-2 " + std::string(2000, 'x')), "?");
  EXPECT_EQ(in_events({R"({"event":"A"})"}, {"'A'"}), "?");
  const std::string two = R"({"objects":[{"type":"T","id":"a"},{"type":"T","id":"b"}]})";
  for (const std::size_t items : {1U, 3U}) {
    EXPECT_FALSE(errors_by_name({Kind::kUpsert, items, two}, {"T/a: no"})) << items;
  }
}

}  // namespace
}  // namespace flowmyna::test
