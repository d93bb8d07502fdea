#include "delivery/schedule.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/core/backlog.h"

namespace flowmyna::test {
namespace {

/// Operations with receipts from `first` upwards.
std::shared_ptr<const Batch> batch_of(std::size_t operations, Receipt first = 1) {
  Window window;
  for (std::size_t i = 0; i < operations; ++i) {
    Backlog backlog;
    backlog.upsert("Order/" + std::to_string(i));
    window.add(first + i, 0, backlog.encoded_operations()[0]);
  }
  return Batch::read(std::move(window)).value();
}

PlannedRequest request(std::vector<std::vector<std::uint32_t>> items,
                       std::vector<std::uint32_t> after = {},
                       std::vector<RequestId> after_outstanding = {}) {
  PlannedRequest out;
  out.items = std::move(items);
  out.after = std::move(after);
  out.after_outstanding = std::move(after_outstanding);
  return out;
}

/// The members of the request's first item, which tells requests apart.
std::string take(Schedule& schedule, RequestId id) {
  const Schedule::Taken taken = schedule.take(id);
  std::string out;
  for (const auto member : taken.request.items.front()) out += std::to_string(member) + " ";
  return out;
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
  EXPECT_FALSE(schedule.has_ready());
  EXPECT_EQ(schedule.operations(), 0U);
  EXPECT_EQ(schedule.lowest(), 0U);
  schedule.settled(1);
}

TEST(Schedule, WhatWaitsForNothingIsReadyInTheOrderOfThePlan) {
  Schedule schedule;
  schedule.load(batch_of(3), {request({{0}}), request({{1}}), request({{2}})});
  EXPECT_EQ(schedule.ready(), 3U);
  EXPECT_EQ(take(schedule, 11), "0 ");
  EXPECT_EQ(take(schedule, 12), "1 ");
  EXPECT_EQ(take(schedule, 13), "2 ");
  EXPECT_FALSE(schedule.has_ready());
}

TEST(Schedule, WhatIsTakenCarriesItsOperations) {
  Schedule schedule;
  schedule.load(batch_of(2, 40), {request({{0}, {1}})});
  const Schedule::Taken taken = schedule.take(1);
  schedule.clear();
  EXPECT_EQ(taken.batch->window.rows()[1].receipt, 41U);
  EXPECT_EQ(taken.batch->operations[1].object, (ObjectKey{"Order", "1"}));
  EXPECT_EQ(taken.request.items.size(), 2U);
}

TEST(Schedule, ARequestIsReadyOnceAllThatItWaitsForIsSettledNotWhenItIsTaken) {
  Schedule schedule;
  schedule.load(batch_of(3), {request({{0}}), request({{1}}), request({{2}}, {0, 1})});
  EXPECT_EQ(schedule.ready(), 2U);
  take(schedule, 11);
  take(schedule, 12);
  EXPECT_FALSE(schedule.has_ready());
  schedule.settled(12);
  EXPECT_FALSE(schedule.has_ready());
  schedule.settled(11);
  EXPECT_EQ(take(schedule, 13), "2 ");
}

TEST(Schedule, ARequestWaitsForOutstandingOnesOfEarlierPlans) {
  Schedule schedule;
  schedule.load(batch_of(2), {request({{0}}, {}, {5, 6}), request({{1}}, {0}, {5})});
  EXPECT_FALSE(schedule.has_ready());
  schedule.settled(5);
  EXPECT_FALSE(schedule.has_ready());
  schedule.settled(6);
  EXPECT_EQ(take(schedule, 7), "0 ");
  schedule.settled(7);
  EXPECT_EQ(take(schedule, 8), "1 ");
}

TEST(Schedule, WhatBecomesReadyGoesWhereItStandsInThePlan) {
  Schedule schedule;
  schedule.load(batch_of(4),
                {request({{0}}), request({{1}}, {}, {5}), request({{2}}, {}, {6}), request({{3}})});
  schedule.settled(6);
  schedule.settled(5);
  std::string order;
  for (RequestId id = 10; schedule.has_ready(); ++id) order += take(schedule, id);
  EXPECT_EQ(order, "0 1 2 3 ");
}

TEST(Schedule, SettlingWhatNobodyWaitsForOrTwiceChangesNothing) {
  Schedule schedule;
  schedule.load(batch_of(3), {request({{0}}), request({{1}}, {0}), request({{2}}, {1})});
  take(schedule, 11);
  schedule.settled(99);
  EXPECT_FALSE(schedule.has_ready());
  schedule.settled(11);
  schedule.settled(11);
  EXPECT_EQ(schedule.ready(), 1U);
}

TEST(Schedule, OperationsAndTheLowestReceiptAreOfWhatIsNotTaken) {
  Schedule schedule;
  schedule.load(batch_of(5, 40), {request({{1, 4}, {2}}), request({{0}}), request({{3}}, {0})});
  EXPECT_EQ(schedule.operations(), 5U);
  EXPECT_EQ(schedule.lowest(), 40U);
  take(schedule, 1);
  EXPECT_EQ(schedule.operations(), 2U);
  take(schedule, 2);
  EXPECT_EQ(schedule.operations(), 1U);
  EXPECT_EQ(schedule.lowest(), 43U);
  schedule.settled(1);
  take(schedule, 3);
  EXPECT_EQ(schedule.operations(), 0U);
  EXPECT_EQ(schedule.lowest(), 0U);
}

TEST(Schedule, ALoadForgetsWhatWasThere) {
  Schedule schedule;
  schedule.load(batch_of(2), {request({{0}}), request({{1}}, {0})});
  take(schedule, 11);
  schedule.load(batch_of(1, 9), {request({{0}}, {}, {12})});
  schedule.settled(11);
  EXPECT_FALSE(schedule.has_ready());
  EXPECT_EQ(schedule.lowest(), 9U);
  schedule.settled(12);
  EXPECT_TRUE(schedule.has_ready());
  schedule.clear();
  EXPECT_FALSE(schedule.has_ready());
  EXPECT_EQ(schedule.operations(), 0U);
}

}  // namespace
}  // namespace flowmyna::test
