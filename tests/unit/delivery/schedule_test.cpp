#include "delivery/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/core/workloads.h"

namespace flowmyna::test {
namespace {

/// Operations with receipts from `first` upwards.
std::shared_ptr<const Batch> batch_of(std::size_t operations, Receipt first = 1) {
  Window window;
  for (std::size_t i = 0; i < operations; ++i) {
    OperationList backlog;
    backlog.upsert("Order/" + std::to_string(i));
    window.add(first + i, 0, backlog.encoded_operations()[0]);
  }
  return Batch::read(std::move(window)).value();
}

PlannedItem item(std::vector<std::uint32_t> members, std::vector<std::uint32_t> after = {},
                 std::vector<RequestId> after_outstanding = {}) {
  PlannedItem out;
  out.bytes = 10;
  out.members = std::move(members);
  out.after = std::move(after);
  out.after_outstanding = std::move(after_outstanding);
  return out;
}

PlannedItem event(std::uint32_t member, std::uint64_t group) {
  PlannedItem out = item({member});
  out.kind = Kind::kEvent;
  out.group = group;
  return out;
}

/// The receipts in the request, item by item.
std::string take(Schedule& schedule, RequestId id, const Schedule::Limits& limits = {},
                 Kind kind = Kind::kUpsert) {
  std::string out;
  for (const ItemMembers& members : schedule.take(kind, id, limits).members) {
    for (const Receipt member : members) out += std::to_string(member) + " ";
  }
  return out;
}

bool has_ready(const Schedule& schedule) {
  return schedule.ready(Kind::kUpsert) + schedule.ready(Kind::kEvent) > 0;
}

TEST(Batch, HoldsAnOperationForEachRow) {
  const auto batch = batch_of(3);
  ASSERT_EQ(batch->operations.size(), 3U);
  EXPECT_EQ(batch->operations[2].object, (ObjectKey{"Order", "2"}));
}

TEST(Batch, ARowThatIsNoOperationIsNamed) {
  Window window;
  window.add(7, 0, "\x09 not an operation");
  const auto batch = Batch::read(std::move(window));
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().kind, Error::Kind::kCorrupt);
  EXPECT_EQ(batch.error().message, "operation 7 cannot be read");
}

TEST(Schedule, ANewOneHasNothing) {
  Schedule schedule;
  EXPECT_FALSE(has_ready(schedule));
  EXPECT_EQ(schedule.operations(), 0U);
  EXPECT_EQ(schedule.lowest(), 0U);
  EXPECT_EQ(schedule.oldest_ready(Kind::kEvent), 0U);
  schedule.settled(1);
}

TEST(Schedule, ARequestIsFilledWithWhatWaitsForNothingOldestFirst) {
  Schedule schedule;
  schedule.load(batch_of(5), {item({0, 3}), item({1}, {0}), item({2}), item({4})});
  EXPECT_EQ(schedule.ready(Kind::kUpsert), 3U);
  EXPECT_EQ(schedule.oldest_ready(Kind::kUpsert), 1U);
  EXPECT_EQ(take(schedule, 11), "1 4 3 5 ");
  EXPECT_FALSE(has_ready(schedule));
}

TEST(Schedule, ARequestKeepsToItsLimitsUnlessOneItemIsLarger) {
  Schedule schedule;
  schedule.load(batch_of(6), {item({0}), item({1}), item({2}), item({3}), item({4}), item({5})});
  EXPECT_TRUE(schedule.fills(Kind::kUpsert, {6, 1000}));
  EXPECT_FALSE(schedule.fills(Kind::kUpsert, {7, 1000}));
  EXPECT_EQ(take(schedule, 11, {2, 1000}), "1 2 ");
  EXPECT_EQ(take(schedule, 12, {100, body_frame_bytes() + 20}), "3 4 ");
  EXPECT_TRUE(schedule.fills(Kind::kUpsert, {100, 5}));
  EXPECT_EQ(take(schedule, 13, {100, 5}), "5 ");
  EXPECT_EQ(take(schedule, 14), "6 ");
}

TEST(Schedule, AnyOneItemCanBeTakenAndTheOthersKeepTheirOrder) {
  for (std::uint64_t number = 0; number < 10; ++number) {
    Schedule schedule;
    PlannedItem after_first = event(5, 0);
    after_first.after = {0};
    schedule.load(batch_of(6),
                  {event(0, 0), event(1, 7), event(2, 0), event(3, 7), event(4, 0), after_first});
    const Schedule::Taken any = schedule.take_any(Kind::kEvent, 11, number, {}, {});
    ASSERT_EQ(any.members.size(), 1U);
    const Receipt taken = any.members[0][0];
    EXPECT_EQ(any.batches.size(), 1U);
    EXPECT_EQ(schedule.ready(Kind::kEvent), 4U);
    std::string left;
    for (RequestId id = 12; schedule.ready(Kind::kEvent) > 0; ++id) {
      left += take(schedule, id, {1, 1000}, Kind::kEvent);
    }
    std::string others;
    for (const Receipt receipt : {1U, 2U, 3U, 4U, 5U}) {
      if (receipt != taken) others += std::to_string(receipt) + " ";
    }
    EXPECT_EQ(left, others) << number;
    schedule.settled(taken == 1 ? 11 : 12);
    EXPECT_EQ(take(schedule, 20, {}, Kind::kEvent), "6 ") << number;
  }
}

TEST(Schedule, WhichOneIsTakenFollowsFromTheNumber) {
  std::set<Receipt> taken;
  for (std::uint64_t number = 0; number < 5; ++number) {
    Schedule schedule;
    schedule.load(batch_of(5), {event(0, 0), event(1, 7), event(2, 0), event(3, 3), event(4, 7)});
    taken.insert(schedule.take_any(Kind::kEvent, 11, number, {}, {}).members[0][0]);
  }
  EXPECT_EQ(taken.size(), 5U);
}

TEST(Schedule, AnyOneItemIsOfThoseThatTouchNothingThatIsAvoidedWhereThereAreSome) {
  const auto touches = touches_of(batch_of(4)->operations, {});
  std::set<Receipt> others;
  std::set<Receipt> any;
  for (std::uint64_t number = 0; number < 5; ++number) {
    for (const bool is_all : {false, true}) {
      const auto avoided = std::span(touches).subspan(is_all ? 0 : 1, is_all ? 4 : 2);
      Schedule schedule;
      schedule.load(batch_of(4), {item({0}), item({1}), item({2}), item({3})});
      const auto taken = schedule.take_any(Kind::kUpsert, 11, number, avoided, {});
      (is_all ? any : others).insert(taken.members[0][0]);
    }
  }
  EXPECT_EQ(others, std::set<Receipt>({1, 4}));
  EXPECT_EQ(any, std::set<Receipt>({1, 2, 3, 4}));
}

TEST(Schedule, WhatIsTakenCarriesItsOperations) {
  Schedule schedule;
  schedule.load(batch_of(2, 40), {item({0}), item({1})});
  const Schedule::Taken taken = schedule.take(Kind::kUpsert, 1, {});
  schedule.clear();
  EXPECT_EQ(taken.members[1], ItemMembers{41});
  EXPECT_EQ(taken.items[1].front()->object, (ObjectKey{"Order", "1"}));
}

TEST(Schedule, EventsOfDifferentGroupsShareNoRequest) {
  Schedule schedule;
  schedule.load(batch_of(5), {event(0, 0), event(1, 7), event(2, 0), event(3, 3), event(4, 7)});
  EXPECT_EQ(take(schedule, 11, {}, Kind::kEvent), "1 3 ");
  EXPECT_EQ(take(schedule, 12, {}, Kind::kEvent), "2 5 ");
  EXPECT_EQ(take(schedule, 13, {}, Kind::kEvent), "4 ");
}

TEST(Schedule, AnItemIsReadyOnceAllThatItWaitsForIsSettledNotWhenItIsTaken) {
  Schedule schedule;
  schedule.load(batch_of(3), {item({0}), item({1}), item({2}, {0, 1})});
  take(schedule, 11, {1, 1000});
  take(schedule, 12, {1, 1000});
  EXPECT_FALSE(has_ready(schedule));
  schedule.settled(12);
  EXPECT_FALSE(has_ready(schedule));
  schedule.settled(11);
  EXPECT_EQ(take(schedule, 13), "3 ");
}

TEST(Schedule, TwoThingsThatAnItemWaitsForMayShareARequest) {
  Schedule schedule;
  schedule.load(batch_of(3), {item({0}), item({1}), item({2}, {0, 1})});
  EXPECT_EQ(take(schedule, 11), "1 2 ");
  schedule.settled(11);
  EXPECT_EQ(take(schedule, 12), "3 ");
}

TEST(Schedule, AnItemWaitsForOutstandingRequestsOfEarlierPlans) {
  Schedule schedule;
  schedule.load(batch_of(2), {item({0}, {}, {5, 6}), item({1}, {0}, {5})});
  schedule.settled(5);
  EXPECT_FALSE(has_ready(schedule));
  schedule.settled(6);
  EXPECT_EQ(take(schedule, 7), "1 ");
  schedule.settled(7);
  EXPECT_EQ(take(schedule, 8), "2 ");
}

TEST(Schedule, WhatBecomesReadyGoesInTheOrderOfAcceptance) {
  Schedule schedule;
  schedule.load(batch_of(4), {item({0}), item({1}, {}, {5}), item({2}, {}, {6}), item({3})});
  schedule.settled(6);
  schedule.settled(5);
  EXPECT_EQ(take(schedule, 10), "1 2 3 4 ");
}

TEST(Schedule, SettlingWhatNobodyWaitsForOrTwiceChangesNothing) {
  Schedule schedule;
  schedule.load(batch_of(3), {item({0}), item({1}, {0}), item({2}, {1})});
  take(schedule, 11);
  schedule.settled(99);
  EXPECT_FALSE(has_ready(schedule));
  schedule.settled(11);
  schedule.settled(11);
  EXPECT_EQ(schedule.ready(Kind::kUpsert), 1U);
}

TEST(Schedule, OperationsAndTheLowestReceiptAreOfWhatIsNotTaken) {
  Schedule schedule;
  schedule.load(batch_of(5, 40), {item({0}), item({1, 4}), item({2}), item({3}, {0})});
  EXPECT_EQ(schedule.operations(), 5U);
  EXPECT_EQ(schedule.lowest(), 40U);
  take(schedule, 1, {2, 1000});
  EXPECT_EQ(schedule.operations(), 2U);
  EXPECT_EQ(schedule.lowest(), 42U);
  take(schedule, 2);
  EXPECT_EQ(schedule.lowest(), 43U);
  schedule.settled(1);
  take(schedule, 3);
  EXPECT_EQ(schedule.operations(), 0U);
  EXPECT_EQ(schedule.lowest(), 0U);
}

TEST(Schedule, WhatIsAddedWaitsForWhatIsPlannedAlready) {
  Schedule schedule;
  schedule.load(batch_of(2), {item({0}), item({1})});
  take(schedule, 11, {1, 1000});
  const auto untaken = schedule.untaken({});
  ASSERT_EQ(untaken.size(), 1U);
  EXPECT_EQ(untaken[0].touches.size(), 1U);
  EXPECT_EQ(untaken[0].touches[0].object, hash_object({"Order", "1"}));
  schedule.add(batch_of(2, 3), {item({0}, {}, {untaken[0].id}), item({1}, {}, {11})});
  EXPECT_EQ(take(schedule, 12), "2 ");
  schedule.settled(12);
  EXPECT_EQ(take(schedule, 13), "3 ");
  schedule.settled(11);
  EXPECT_EQ(take(schedule, 14), "4 ");
}

TEST(Schedule, BlockedTouchesAreOfWhatWaits) {
  Schedule schedule;
  schedule.load(batch_of(3), {item({0}), item({1}, {0}), item({2})});
  const auto touches = schedule.blocked_touches({});
  ASSERT_EQ(touches.size(), 1U);
  EXPECT_EQ(touches[0].object, hash_object({"Order", "1"}));
}

TEST(Schedule, WhatIsAddedAndOlderGoesFirst) {
  Schedule schedule;
  schedule.load(batch_of(3, 40), {event(0, 7), event(1, 0), event(2, 7)});
  schedule.add(batch_of(2, 7), {event(0, 0), event(1, 7)});
  EXPECT_EQ(schedule.lowest(), 7U);
  EXPECT_EQ(schedule.oldest_ready(Kind::kEvent), 7U);
  EXPECT_EQ(take(schedule, 11, {}, Kind::kEvent), "7 41 ");
  EXPECT_EQ(take(schedule, 12, {}, Kind::kEvent), "8 40 42 ");
}

TEST(Schedule, TellsTheOperationsThatAreNotTaken) {
  Schedule schedule;
  schedule.load(batch_of(5), {item({0}), item({1, 4}), item({2}), item({3}, {0})});
  take(schedule, 11, {2, 1000});
  std::vector<Receipt> receipts;
  schedule.append_receipts(receipts);
  EXPECT_EQ(receipts, (std::vector<Receipt>{3, 4}));
}

TEST(Schedule, ItsBytesAreThoseOfWhatIsNotTaken) {
  Schedule schedule;
  schedule.load(batch_of(3), {item({0}), item({1}), item({2}, {0})});
  EXPECT_EQ(schedule.bytes(), 30U);
  take(schedule, 11, {1, 1000});
  EXPECT_EQ(schedule.bytes(), 20U);
  schedule.clear();
  EXPECT_EQ(schedule.bytes(), 0U);
}

/// The lowest receipts of what gives up its place.
std::vector<Receipt> give_up(Schedule& schedule, const Schedule::Keep& keep) {
  std::vector<Receipt> lowest;
  for (const auto& given_up : schedule.keep_ready(keep, {})) lowest.push_back(given_up.lowest);
  std::ranges::sort(lowest);
  return lowest;
}

TEST(Schedule, WhatWaitsForSomethingGivesUpItsPlaceAndWhatCouldGoKeepsIt) {
  Schedule schedule;
  schedule.load(batch_of(6),
                {item({0, 3}), item({1}, {0}), item({2}), item({4}, {}, {5}), item({5}, {2})});
  take(schedule, 11, {1, 1000});
  schedule.settled(11);  // so the second item waits for nothing any more
  EXPECT_EQ(give_up(schedule, {{true, true}, 10}), (std::vector<Receipt>{5, 6}));
  EXPECT_EQ(schedule.operations(), 2U);
  schedule.settled(5);  // nobody is left who waited for it
  EXPECT_EQ(take(schedule, 12), "2 3 ");
}

TEST(Schedule, WhatGivesUpItsPlaceIsToldWithItsTouches) {
  Schedule schedule;
  schedule.load(batch_of(2), {item({0}), item({1}, {0})});
  const auto given_up = schedule.keep_ready({{true, true}, 10}, {});
  ASSERT_EQ(given_up.size(), 1U);
  ASSERT_EQ(given_up[0].touches.size(), 1U);
  EXPECT_EQ(given_up[0].touches[0].object, hash_object({"Order", "1"}));
}

TEST(Schedule, TheOldestOfTheKindsThatMayStayKeepTheirPlaces) {
  Schedule schedule;
  schedule.load(batch_of(6), {event(0, 0), item({1, 3}), item({2}), item({4}), item({5})});
  EXPECT_EQ(give_up(schedule, {{true, false}, 3}), (std::vector<Receipt>{1, 5, 6}));
  EXPECT_EQ(schedule.ready(Kind::kEvent), 0U);
  EXPECT_EQ(take(schedule, 11), "2 4 3 ");
}

TEST(Schedule, AnItemThatIsLargerThanAllThatMayStayKeepsItsPlaceIfItIsTheOldest) {
  Schedule schedule;
  schedule.load(batch_of(4), {item({0, 1, 2}), item({3})});
  EXPECT_EQ(give_up(schedule, {{true, true}, 2}), (std::vector<Receipt>{4}));
  EXPECT_EQ(give_up(schedule, {{true, true}, 0}), (std::vector<Receipt>{1}));
}

TEST(Schedule, ALoadForgetsWhatWasThere) {
  Schedule schedule;
  schedule.load(batch_of(2), {item({0}), item({1}, {0})});
  take(schedule, 11);
  schedule.load(batch_of(1, 9), {item({0}, {}, {12})});
  schedule.settled(11);
  EXPECT_FALSE(has_ready(schedule));
  EXPECT_EQ(schedule.lowest(), 9U);
  schedule.settled(12);
  EXPECT_TRUE(has_ready(schedule));
  schedule.clear();
  EXPECT_FALSE(has_ready(schedule));
  EXPECT_EQ(schedule.operations(), 0U);
}

/// How many requests a plan takes, eight of them in flight at a time.
std::size_t requests_for(const OperationList& backlog) {
  Window window;
  Receipt receipt = 0;
  for (std::size_t i = 0; i < backlog.encoded_operations().size(); ++i) {
    window.add(++receipt, 0, backlog.encoded_operations()[i]);
  }
  auto batch = Batch::read(std::move(window)).value();
  Schedule schedule;
  auto plan_of_all = plan(batch->operations, {}, {});
  schedule.load(std::move(batch), std::move(plan_of_all));
  RequestId id = 0;
  while (has_ready(schedule)) {
    const RequestId first = id + 1;
    while (has_ready(schedule) && id - first + 1 < 8) {
      const Kind kind = schedule.ready(Kind::kUpsert) > schedule.ready(Kind::kEvent) ? Kind::kUpsert
                                                                                     : Kind::kEvent;
      schedule.take(kind, ++id, {});
    }
    for (RequestId sent = first; sent <= id; ++sent) schedule.settled(sent);
  }
  return id;
}

TEST(ScheduleNumbers, TenThousandOperationsOnAThousandOrdersTakeAFewDozenRequests) {
  const std::size_t requests = requests_for(thousand_orders());
  RecordProperty("requests", static_cast<int>(requests));
  EXPECT_LE(requests, 48U);
}

}  // namespace
}  // namespace flowmyna::test
