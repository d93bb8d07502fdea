#include "core/planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "core/request.h"
#include "tests/unit/core/backlog.h"

namespace flowmyna::test {
namespace {

const Properties kSome = {{"a", "1"}};

/// One request a line: `wave: {members}{members} after requests, ids of outstanding ones`.
std::string text(const std::vector<PlannedRequest>& requests) {
  std::string out;
  for (const PlannedRequest& request : requests) {
    out += std::to_string(request.wave) + ":";
    for (const auto& item : request.items) {
      std::string members;
      for (const auto member : item)
        members += (members.empty() ? "" : " ") + std::to_string(member);
      out += " {" + members + "}";
    }
    if (!request.after.empty()) out += " after";
    for (const auto earlier : request.after) out += " " + std::to_string(earlier);
    if (!request.after_outstanding.empty()) out += " after outstanding";
    for (const auto id : request.after_outstanding) out += " " + std::to_string(id);
    out += "\n";
  }
  return out;
}

std::string planned(const Backlog& backlog, const PlanOptions& options = {},
                    const std::vector<OutstandingRequest>& outstanding = {}) {
  return text(plan(backlog.operations(), outstanding, options));
}

PlanOptions with_latest(const std::string& type) {
  PlanOptions options;
  options.latest_types.insert(type);
  return options;
}

TEST(Planner, NothingPendingIsNoRequest) {
  EXPECT_EQ(planned(Backlog()), "");
}

TEST(Planner, UpsertsOfOneObjectAreOneItemThatComposesThemInOrder) {
  Backlog backlog;
  backlog.upsert("Order/1", {{"a", "1"}}).upsert("Order/2").upsert("Order/1", {{"a", "null"}});
  EXPECT_EQ(planned(backlog), "0: {0 2} {1}\n");
}

TEST(Planner, ObjectsOfOneIdAndTwoTypesAreTwo) {
  Backlog backlog;
  backlog.upsert("Order/1").upsert("Customer/1");
  EXPECT_EQ(planned(backlog), "0: {0} {1}\n");
}

TEST(Planner, AnEventWaitsForTheUpsertsOfItsObjectsAndLaterUpsertsForTheEvent) {
  Backlog backlog;
  backlog.upsert("Order/1").event({{"Order/1"}}).upsert("Order/1").upsert("Order/1");
  EXPECT_EQ(planned(backlog),
            "0: {0}\n"
            "1: {1} after 0\n"
            "2: {2 3} after 0 1\n");
}

TEST(Planner, AnEventOnOtherObjectsDoesNotKeepUpsertsApart) {
  Backlog backlog;
  backlog.upsert("Order/1").event({{"Order/2"}}).upsert("Order/1");
  EXPECT_EQ(planned(backlog),
            "0: {0 2}\n"
            "1: {1}\n");
}

TEST(Planner, TheFirstTouchOfAnObjectNeedsNoEarlierWave) {
  Backlog backlog;
  backlog.event({{"Order/1"}}).upsert("Order/1").upsert("Order/2");
  EXPECT_EQ(planned(backlog),
            "0: {2}\n"
            "1: {0}\n"
            "2: {1} after 1\n");
}

TEST(Planner, EventsThatOnlyNameAnObjectShareAWave) {
  Backlog backlog;
  backlog.event({{"Order/1"}}).event({{"Order/1"}, {"Order/2"}}).event({{"Order/2"}});
  EXPECT_EQ(planned(backlog), "1: {0} {1} {2}\n");
}

TEST(Planner, AnEventThatWritesAnObjectSharesNoWaveWithAnotherThatNamesIt) {
  Backlog backlog;
  backlog.event({{"Order/1"}}).event({{"Order/1", kSome}}).event({{"Order/1"}});
  EXPECT_EQ(planned(backlog),
            "1: {0}\n"
            "3: {1} after 0\n"
            "5: {2} after 1\n");
}

TEST(Planner, EventsThatWriteDifferentObjectsShareAWave) {
  Backlog backlog;
  backlog.event({{"Order/1", kSome}, {"Customer/1"}}).event({{"Order/2", kSome}, {"Customer/1"}});
  EXPECT_EQ(planned(backlog), "1: {0} {1}\n");
}

TEST(Planner, AnEventIsNotBeforeTheLastEventOfEachOfItsObjects) {
  Backlog backlog;
  backlog.upsert("Order/1").event({{"Order/1"}}).upsert("Order/1");  // wave 2
  backlog.event({{"Order/1"}, {"Order/2"}}).event({{"Order/2"}});
  EXPECT_EQ(planned(backlog),
            "0: {0}\n"
            "1: {1} after 0\n"
            "2: {2} after 0 1\n"
            "3: {3} {4} after 2\n");
}

TEST(Planner, AnEventThatNamesAnObjectTwiceDoesNotWaitForItself) {
  for (const bool writes_first : {true, false}) {
    const Named writing{"Order/1", kSome};
    const Named reading{"Order/1"};
    Backlog backlog;
    backlog.event(writes_first ? std::vector{writing, reading} : std::vector{reading, writing});
    backlog.upsert("Order/1");
    EXPECT_EQ(planned(backlog),
              "1: {0}\n"
              "2: {1} after 0\n");
  }
}

TEST(Planner, AWriterWaitsForTheReadsSinceTheLastWriteOnly) {
  Backlog backlog;
  backlog.event({{"Order/1"}}).upsert("Order/1").event({{"Order/1"}}).upsert("Order/1");
  EXPECT_EQ(planned(backlog),
            "1: {0}\n"
            "2: {1} after 0\n"
            "3: {2} after 1\n"
            "4: {3} after 1 2\n");
}

TEST(Planner, AnUpsertWithoutPropertiesIsATouchToo) {
  Backlog backlog;  // the object must exist before the event names it
  backlog.upsert("Order/1").event({{"Order/1"}});
  EXPECT_EQ(planned(backlog),
            "0: {0}\n"
            "1: {1} after 0\n");
}

TEST(Planner, ARequestWaitsOnlyForWhatItsItemsDependOn) {
  PlanOptions options;
  options.items_max = 1;
  Backlog backlog;
  backlog.upsert("Order/1").upsert("Order/2").event({{"Order/2"}}).event({{"Order/3"}});
  EXPECT_EQ(planned(backlog, options),
            "0: {0}\n"
            "0: {1}\n"
            "1: {2} after 1\n"
            "1: {3}\n");
}

TEST(Planner, AReaderWaitsForOutstandingWritersAndAWriterForAllOutstandingTouches) {
  const std::uint64_t order = hash_object({"Order", "1"});
  const std::uint64_t other = hash_object({"Order", "9"});
  const std::vector<OutstandingRequest> outstanding = {
      {7, {{order, true}}}, {8, {{order, false}, {other, true}}}, {9, {{other, true}}}};
  EXPECT_EQ(planned(Backlog().event({{"Order/1"}}), {}, outstanding),
            "1: {0} after outstanding 7\n");
  EXPECT_EQ(planned(Backlog().event({{"Order/1", kSome}}), {}, outstanding),
            "1: {0} after outstanding 7 8\n");
  EXPECT_EQ(planned(Backlog().upsert("Order/1"), {}, outstanding),
            "0: {0} after outstanding 7 8\n");
  EXPECT_EQ(planned(Backlog().upsert("Order/2"), {}, outstanding), "0: {0}\n");
}

TEST(Planner, OfLatestTypesAnEventThatDoesNotWriteIsNoTouch) {
  Backlog backlog;
  backlog.upsert("Customer/1").event({{"Customer/1"}}).upsert("Customer/1");
  EXPECT_EQ(planned(backlog, with_latest("Customer")),
            "0: {0 2}\n"
            "1: {1}\n");
  EXPECT_EQ(planned(backlog, with_latest("Order")),
            "0: {0}\n"
            "1: {1} after 0\n"
            "2: {2} after 0 1\n");
}

TEST(Planner, OfLatestTypesAnEventThatWritesIsATouch) {
  Backlog backlog;
  backlog.upsert("Customer/1").event({{"Customer/1", kSome}}).upsert("Customer/1");
  EXPECT_EQ(planned(backlog, with_latest("Customer")),
            "0: {0}\n"
            "1: {1} after 0\n"
            "2: {2} after 1\n");
}

TEST(Planner, EventsThatSomebodyWaitsForGoFirstInRequestsOfTheirGroup) {
  Backlog backlog;
  for (int i = 0; i < 6; ++i) backlog.event({{"Order/1"}});
  const std::vector<std::uint64_t> groups = {0, 7, 0, 3, 7, 0};
  EXPECT_EQ(text(plan(backlog.operations(), {}, {}, groups)),
            "1: {3}\n"
            "1: {1} {4}\n"
            "1: {0} {2} {5}\n");
}

TEST(Planner, UpsertsThatSomebodyWaitsForTravelWithTheOthers) {
  Backlog backlog;
  backlog.upsert("Order/1").upsert("Order/2").upsert("Order/1").event({{"Order/1"}});
  const std::vector<std::uint64_t> groups = {1, 0, 3, 0};
  EXPECT_EQ(text(plan(backlog.operations(), {}, {}, groups)), planned(backlog));
}

TEST(Planner, TouchesOfARequestAreWhatItsOperationsTouch) {
  const auto touches = [](const Backlog& backlog, const PlanOptions& options) {
    std::string out;
    for (const auto& touch : touches_of(backlog.operations(), options)) {
      EXPECT_EQ(touch.object, hash_object({"Customer", "1"}));
      out += touch.writes ? "w" : "r";
    }
    for (const auto& request : plan(backlog.operations(), {}, options)) {
      std::string planned_touches;
      for (const auto& touch : request.touches) planned_touches += touch.writes ? "w" : "r";
      EXPECT_EQ(planned_touches, out);
    }
    return out;
  };
  EXPECT_EQ(touches(Backlog().upsert("Customer/1"), {}), "w");
  EXPECT_EQ(touches(Backlog().event({{"Customer/1"}, {"Customer/1", kSome}}), {}), "rw");
  EXPECT_EQ(touches(Backlog().event({{"Customer/1"}}), with_latest("Customer")), "");
}

TEST(Planner, ARequestHasAtMostAsManyItemsAsTheLimit) {
  Backlog backlog;
  for (int i = 0; i < 250; ++i) backlog.upsert("Order/" + std::to_string(i));
  const auto requests = plan(backlog.operations(), {}, {});
  ASSERT_EQ(requests.size(), 3);
  EXPECT_EQ(requests[0].items.size(), 100);
  EXPECT_EQ(requests[1].items.size(), 100);
  EXPECT_EQ(requests[2].items.size(), 50);
}

std::string body_of(const PlannedRequest& request, const std::vector<Operation>& operations) {
  std::vector<RequestItem> items;
  for (const auto& members : request.items) {
    RequestItem& item = items.emplace_back();
    for (const auto member : members) item.push_back(&operations[member]);
  }
  return batch_body(request.kind, items);
}

TEST(Planner, NoBodyIsLargerThanTheLimitUnlessOneItemIs) {
  constexpr std::size_t kLimit = 10'000;
  PlanOptions options;
  options.bytes_max = kLimit;
  Properties many;  // short ones: their JSON is larger than their stored form
  for (int i = 0; i < 40; ++i) many.emplace_back("p" + std::to_string(i), "1");
  Backlog backlog;
  for (int i = 0; i < 200; ++i) {
    const std::string number = std::to_string(i);
    backlog.upsert("Order/" + number, many);
    backlog.event(std::vector<Named>(20, {"Item/" + number, {{"a", "1"}}}));
    if (i % 50 == 0) backlog.upsert("Big/" + number, {{"a", std::string(2 * kLimit, '1')}});
  }
  const auto operations = backlog.operations();
  std::size_t largest = 0;
  for (const auto& request : plan(operations, {}, options)) {
    const std::string body = body_of(request, operations);
    if (request.items.size() == 1) continue;
    EXPECT_LE(body.size(), kLimit);
    largest = std::max(largest, body.size());
  }
  EXPECT_GT(largest, kLimit / 2);  // the limit is used, not only kept
}

TEST(Planner, AnItemLargerThanTheLimitTravelsAlone) {
  PlanOptions options;
  options.bytes_max = 1000;
  Backlog backlog;
  backlog.upsert("Order/1").upsert("Order/2", {{"a", std::string(5000, '1')}}).upsert("Order/3");
  EXPECT_EQ(planned(backlog, options),
            "0: {0}\n"
            "0: {1}\n"
            "0: {2}\n");
}

struct Size {
  std::size_t items = 0;
  std::uint32_t waves = 0;
  std::size_t requests = 0;
};

Size size_of_plan(const Backlog& backlog, const PlanOptions& options = {}) {
  Size size;
  const auto requests = plan(backlog.operations(), {}, options);
  for (const auto& request : requests) {
    size.items += request.items.size();
    size.waves = std::max(size.waves, request.wave + 1);
  }
  size.requests = requests.size();
  return size;
}

TEST(PlannerNumbers, TenThousandOperationsOnAThousandOrdersBecomeAFewDozenRequests) {
  std::mt19937_64 random(1);
  Backlog backlog;
  for (int i = 0; i < 10'000; ++i) {
    const std::string order = "Order/" + std::to_string(random() % 1000);
    if (random() % 10 == 0) {
      backlog.event({{order}});
    } else {
      backlog.upsert(order, {{"step", std::to_string(i)}});
    }
  }
  const Size size = size_of_plan(backlog);
  RecordProperty("items", static_cast<int>(size.items));
  RecordProperty("waves", static_cast<int>(size.waves));
  RecordProperty("requests", static_cast<int>(size.requests));
  EXPECT_NEAR(static_cast<double>(size.items), 2642, 150);
  EXPECT_GE(size.waves, 7);
  EXPECT_LE(size.waves, 13);
  EXPECT_LE(size.requests, 36);
}

/// One customer, written and named by events in turn: the worst there is.
Backlog shared_customer() {
  Backlog backlog;
  for (int i = 0; i < 5000; ++i) {
    backlog.upsert("Customer/1", {{"step", std::to_string(i)}});
    backlog.event({{"Order/" + std::to_string(i)}, {"Customer/1"}});
  }
  return backlog;
}

TEST(PlannerNumbers, ASharedObjectThatIsWrittenAndNamedInTurnTakesOneRequestAnOperation) {
  EXPECT_EQ(size_of_plan(shared_customer()).requests, 10'000);
}

TEST(PlannerNumbers, WithLatestTypesTheSameWorkloadTakesFiftyOneRequests) {
  const Size size = size_of_plan(shared_customer(), with_latest("Customer"));
  EXPECT_EQ(size.items, 5001);
  EXPECT_EQ(size.requests, 51);
}

TEST(PlannerNumbers, HundredsOfThousandsOfTouchesOfOneObjectArePlannedInLinearTime) {
  // Quadratic work would take minutes here.
  Backlog backlog;
  for (int i = 0; i < 300'000; ++i) backlog.event({{"Customer/1"}});
  backlog.upsert("Customer/1");
  EXPECT_EQ(size_of_plan(backlog).requests, 3001);
}

}  // namespace
}  // namespace flowmyna::test
