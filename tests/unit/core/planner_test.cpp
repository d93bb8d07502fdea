#include "core/planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/request.h"
#include "tests/unit/core/workloads.h"

namespace flowmyna::test {
namespace {

const Properties kSome = {{"a", "1"}};

/// One item a line: `{members} after items, ids of outstanding requests`.
std::string text(const std::vector<PlannedItem>& items) {
  std::string out;
  for (const PlannedItem& item : items) {
    std::string members;
    for (const auto member : item.members)
      members += (members.empty() ? "" : " ") + std::to_string(member);
    out += "{" + members + "}";
    if (!item.after.empty()) out += " after";
    for (const auto earlier : item.after) out += " " + std::to_string(earlier);
    if (!item.after_outstanding.empty()) out += " after outstanding";
    for (const auto id : item.after_outstanding) out += " " + std::to_string(id);
    out += "\n";
  }
  return out;
}

std::string planned(const OperationList& backlog, const PlanOptions& options = {},
                    const std::vector<OutstandingRequest>& outstanding = {}) {
  return text(plan(backlog.operations(), outstanding, options));
}

PlanOptions with_latest(const std::string& type) {
  PlanOptions options;
  options.latest_types.insert(type);
  return options;
}

TEST(Planner, NothingPendingIsNoItem) {
  EXPECT_EQ(planned(OperationList()), "");
}

TEST(Planner, UpsertsOfOneObjectAreOneItemThatComposesThemInOrder) {
  OperationList backlog;
  backlog.upsert("Order/1", {{"a", "1"}}).upsert("Order/2").upsert("Order/1", {{"a", "null"}});
  EXPECT_EQ(planned(backlog), "{0 2}\n{1}\n");
}

TEST(Planner, ObjectsOfOneIdAndTwoTypesAreTwo) {
  OperationList backlog;
  backlog.upsert("Order/1").upsert("Customer/1");
  EXPECT_EQ(planned(backlog), "{0}\n{1}\n");
}

TEST(Planner, AnEventWaitsForTheUpsertsOfItsObjectsAndLaterUpsertsForTheEvent) {
  OperationList backlog;
  backlog.upsert("Order/1").event({{"Order/1"}}).upsert("Order/1").upsert("Order/1");
  EXPECT_EQ(planned(backlog),
            "{0}\n"
            "{1} after 0\n"
            "{2 3} after 0 1\n");
}

TEST(Planner, AnEventOnOtherObjectsDoesNotKeepUpsertsApart) {
  OperationList backlog;
  backlog.upsert("Order/1").event({{"Order/2"}}).upsert("Order/1");
  EXPECT_EQ(planned(backlog),
            "{0 2}\n"
            "{1}\n");
}

TEST(Planner, TheFirstTouchOfAnObjectWaitsForNothing) {
  OperationList backlog;
  backlog.event({{"Order/1"}}).upsert("Order/1").upsert("Order/2");
  EXPECT_EQ(planned(backlog),
            "{0}\n"
            "{1} after 0\n"
            "{2}\n");
}

TEST(Planner, EventsThatOnlyNameAnObjectDoNotWaitForEachOther) {
  OperationList backlog;
  backlog.event({{"Order/1"}}).event({{"Order/1"}, {"Order/2"}}).event({{"Order/2"}});
  EXPECT_EQ(planned(backlog), "{0}\n{1}\n{2}\n");
}

TEST(Planner, AnEventThatWritesAnObjectComesBetweenThoseThatNameItBeforeAndAfter) {
  OperationList backlog;
  backlog.event({{"Order/1"}}).event({{"Order/1", kSome}}).event({{"Order/1"}});
  EXPECT_EQ(planned(backlog),
            "{0}\n"
            "{1} after 0\n"
            "{2} after 1\n");
}

TEST(Planner, EventsThatWriteDifferentObjectsDoNotWaitForEachOther) {
  OperationList backlog;
  backlog.event({{"Order/1", kSome}, {"Customer/1"}}).event({{"Order/2", kSome}, {"Customer/1"}});
  EXPECT_EQ(planned(backlog), "{0}\n{1}\n");
}

TEST(Planner, AnEventWaitsForTheLastWriteOfEachOfItsObjects) {
  OperationList backlog;
  backlog.upsert("Order/1").event({{"Order/1"}}).upsert("Order/1");
  backlog.event({{"Order/1"}, {"Order/2"}}).event({{"Order/2"}});
  EXPECT_EQ(planned(backlog),
            "{0}\n"
            "{1} after 0\n"
            "{2} after 0 1\n"
            "{3} after 2\n"
            "{4}\n");
}

TEST(Planner, AnEventThatNamesAnObjectTwiceDoesNotWaitForItself) {
  for (const bool writes_first : {true, false}) {
    const Named writing{"Order/1", kSome};
    const Named reading{"Order/1"};
    OperationList backlog;
    backlog.event(writes_first ? std::vector{writing, reading} : std::vector{reading, writing});
    backlog.upsert("Order/1");
    EXPECT_EQ(planned(backlog),
              "{0}\n"
              "{1} after 0\n");
  }
}

TEST(Planner, AWriterWaitsForTheReadsSinceTheLastWriteOnly) {
  OperationList backlog;
  backlog.event({{"Order/1"}}).upsert("Order/1").event({{"Order/1"}}).upsert("Order/1");
  EXPECT_EQ(planned(backlog),
            "{0}\n"
            "{1} after 0\n"
            "{2} after 1\n"
            "{3} after 1 2\n");
}

TEST(Planner, AnUpsertWithoutPropertiesIsATouchToo) {
  OperationList backlog;  // the object must exist before the event names it
  backlog.upsert("Order/1").event({{"Order/1"}});
  EXPECT_EQ(planned(backlog),
            "{0}\n"
            "{1} after 0\n");
}

TEST(Planner, AnItemWaitsForNothingThatItsCompanionsDependOn) {
  OperationList backlog;
  backlog.upsert("Order/1").upsert("Order/2").event({{"Order/2"}}).event({{"Order/3"}});
  EXPECT_EQ(planned(backlog),
            "{0}\n"
            "{1}\n"
            "{2} after 1\n"
            "{3}\n");
}

TEST(Planner, AReaderWaitsForOutstandingWritersAndAWriterForAllOutstandingTouches) {
  const std::uint64_t order = hash_object({"Order", "1"});
  const std::uint64_t other = hash_object({"Order", "9"});
  const std::vector<OutstandingRequest> outstanding = {
      {7, {{order, true}}}, {8, {{order, false}, {other, true}}}, {9, {{other, true}}}};
  EXPECT_EQ(planned(OperationList().event({{"Order/1"}}), {}, outstanding),
            "{0} after outstanding 7\n");
  EXPECT_EQ(planned(OperationList().event({{"Order/1", kSome}}), {}, outstanding),
            "{0} after outstanding 7 8\n");
  EXPECT_EQ(planned(OperationList().upsert("Order/1"), {}, outstanding),
            "{0} after outstanding 7 8\n");
  EXPECT_EQ(planned(OperationList().upsert("Order/2"), {}, outstanding), "{0}\n");
}

TEST(Planner, OfLatestTypesAnEventThatDoesNotWriteIsNoTouch) {
  OperationList backlog;
  backlog.upsert("Customer/1").event({{"Customer/1"}}).upsert("Customer/1");
  EXPECT_EQ(planned(backlog, with_latest("Customer")),
            "{0 2}\n"
            "{1}\n");
  EXPECT_EQ(planned(backlog, with_latest("Order")),
            "{0}\n"
            "{1} after 0\n"
            "{2} after 0 1\n");
}

TEST(Planner, OfLatestTypesAnEventThatWritesIsATouch) {
  OperationList backlog;
  backlog.upsert("Customer/1").event({{"Customer/1", kSome}}).upsert("Customer/1");
  EXPECT_EQ(planned(backlog, with_latest("Customer")),
            "{0}\n"
            "{1} after 0\n"
            "{2} after 1\n");
}

TEST(Planner, EventsHaveTheGroupOfWhoeverWaitsForThem) {
  OperationList backlog;
  for (int i = 0; i < 3; ++i) backlog.event({{"Order/1"}});
  backlog.upsert("Order/2");
  const std::vector<std::uint64_t> groups = {0, 7, 3, 7};
  const auto items = plan(backlog.operations(), {}, {}, groups);
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(items[0].group, 0U);
  EXPECT_EQ(items[1].group, 7U);
  EXPECT_EQ(items[2].group, 3U);
  EXPECT_EQ(items[3].group, 0U);
}

TEST(Planner, UpsertsThatSomebodyWaitsForTravelWithTheOthers) {
  OperationList backlog;
  backlog.upsert("Order/1").upsert("Order/2").upsert("Order/1").event({{"Order/1"}});
  const std::vector<std::uint64_t> groups = {1, 0, 3, 0};
  EXPECT_EQ(text(plan(backlog.operations(), {}, {}, groups)), planned(backlog));
}

TEST(Planner, TouchesAreTheObjectsThatOperationsMustNotPassEachOtherOn) {
  const auto touches = [](const OperationList& backlog, const PlanOptions& options) {
    std::string out;
    for (const auto& touch : touches_of(backlog.operations(), options)) {
      EXPECT_EQ(touch.object, hash_object({"Customer", "1"}));
      out += touch.writes ? "w" : "r";
    }
    return out;
  };
  EXPECT_EQ(touches(OperationList().upsert("Customer/1"), {}), "w");
  EXPECT_EQ(touches(OperationList().event({{"Customer/1"}, {"Customer/1", kSome}}), {}), "rw");
  EXPECT_EQ(touches(OperationList().event({{"Customer/1"}}), with_latest("Customer")), "");
}

std::string body_of(const PlannedItem& item, const std::vector<Operation>& operations) {
  RequestItem members;
  for (const auto member : item.members) members.push_back(&operations[member]);
  return batch_body(item.kind, std::span(&members, 1));
}

TEST(Planner, AnItemTakesAtMostWhatItSays) {
  Properties many;  // short ones: their JSON is larger than their stored form
  for (int i = 0; i < 40; ++i) many.emplace_back("p" + std::to_string(i), "1");
  OperationList backlog;
  backlog.upsert("Order/1", many).upsert("Order/1", many).upsert("Order/2");
  backlog.event(std::vector<Named>(20, {"Item/1", {{"a", "1"}}})).event({{"Order/3"}});
  const auto operations = backlog.operations();
  for (const auto& item : plan(operations, {}, {})) {
    EXPECT_LE(body_of(item, operations).size(), item.bytes + body_frame_bytes());
  }
}

TEST(Planner, AMergedUpsertIsClosedBeforeItOutgrowsARequest) {
  constexpr std::size_t kLimit = 10'000;
  PlanOptions options;
  options.bytes_max = kLimit;
  OperationList backlog;
  for (int i = 0; i < 100; ++i) {
    backlog.upsert("Order/1", {{"p" + std::to_string(i), std::string(300, '1')}});
  }
  const auto operations = backlog.operations();
  const auto items = plan(operations, {}, options);
  ASSERT_GT(items.size(), 3U);
  ASSERT_LT(items.size(), 6U);
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_LE(body_of(items[i], operations).size(), kLimit);
    EXPECT_EQ(items[i].after.size(), i == 0 ? 0U : 1U);  // they arrive in their order
  }
}

TEST(Planner, WhatIsOverwrittenTakesNoRoomInAMergedUpsert) {
  PlanOptions options;
  options.bytes_max = 10'000;
  OperationList backlog;
  for (int i = 0; i < 1000; ++i) backlog.upsert("Order/1", {{"a", std::string(300, '1')}});
  EXPECT_EQ(plan(backlog.operations(), {}, options).size(), 1U);
}

TEST(Planner, AnOperationLargerThanTheLimitIsAnItemOfItsOwn) {
  PlanOptions options;
  options.bytes_max = 1000;
  OperationList backlog;
  backlog.upsert("Order/1").upsert("Order/1", {{"a", std::string(5000, '1')}}).upsert("Order/1");
  EXPECT_EQ(planned(backlog, options),
            "{0}\n"
            "{1} after 0\n"
            "{2} after 1\n");
}

struct Size {
  std::size_t items = 0;
  std::uint32_t steps = 0;  ///< one after the other
};

Size size_of_plan(const OperationList& backlog, const PlanOptions& options = {}) {
  const auto items = plan(backlog.operations(), {}, options);
  std::vector<std::uint32_t> step(items.size());
  Size size{items.size(), 0};
  for (std::size_t i = 0; i < items.size(); ++i) {
    step[i] = 1;
    for (const auto earlier : items[i].after) step[i] = std::max(step[i], step[earlier] + 1);
    size.steps = std::max(size.steps, step[i]);
  }
  return size;
}

TEST(PlannerNumbers, TenThousandOperationsOnAThousandOrdersBecomeAQuarterAsManyItems) {
  const Size size = size_of_plan(thousand_orders());
  RecordProperty("items", static_cast<int>(size.items));
  RecordProperty("steps", static_cast<int>(size.steps));
  EXPECT_NEAR(static_cast<double>(size.items), 2642, 150);
  EXPECT_GE(size.steps, 7U);
  EXPECT_LE(size.steps, 13U);
}

/// One customer, written and named by events in turn: the worst there is.
OperationList shared_customer() {
  OperationList backlog;
  for (int i = 0; i < 5000; ++i) {
    backlog.upsert("Customer/1", {{"step", std::to_string(i)}});
    backlog.event({{"Order/" + std::to_string(i)}, {"Customer/1"}});
  }
  return backlog;
}

TEST(PlannerNumbers, ASharedObjectThatIsWrittenAndNamedInTurnTakesOneStepAnOperation) {
  EXPECT_EQ(size_of_plan(shared_customer()).steps, 10'000U);
}

TEST(PlannerNumbers, WithLatestTypesTheSameWorkloadTakesOneStep) {
  const Size size = size_of_plan(shared_customer(), with_latest("Customer"));
  EXPECT_EQ(size.items, 5001U);
  EXPECT_EQ(size.steps, 1U);
}

TEST(PlannerNumbers, HundredsOfThousandsOfTouchesOfOneObjectArePlannedInLinearTime) {
  // Quadratic work would take minutes here.
  OperationList backlog;
  for (int i = 0; i < 300'000; ++i) backlog.event({{"Customer/1"}});
  backlog.upsert("Customer/1");
  EXPECT_EQ(size_of_plan(backlog).items, 300'001U);
}

}  // namespace
}  // namespace flowmyna::test
