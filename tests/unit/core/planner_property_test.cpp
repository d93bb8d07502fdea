// The order rule: whatever the plan leaves open, the API ends as if it had received the operations
// one at a time, in order, and every event found its objects as it would have then.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "core/planner.h"
#include "tests/unit/core/operation_list.h"
#include "tests/unit/core/plan_execution.h"

namespace flowmyna::test {
namespace {

constexpr int kWorkloads = 3000;

/// Few objects and few names, so that operations collide all the time.
const std::vector<std::string> kObjects = {"Order/1", "Order/2", "Customer/1", "Customer/2"};
const std::vector<std::string> kNames = {"a", "b"};

struct Write {
  std::size_t name = 0;
  bool is_null = false;
};
struct Target {
  std::size_t object = 0;
  std::vector<Write> writes;
};
struct Step {
  bool is_event = false;
  std::vector<Target> targets;  ///< an upsert takes the first
};
using Workload = std::vector<Step>;

/// A step writes its own number, so that no two states of an object are equal by accident.
Properties properties_of(const Target& target, std::size_t number) {
  Properties out;
  for (const Write& write : target.writes) {
    out.emplace_back(kNames[write.name], write.is_null ? "null" : std::to_string(number));
  }
  return out;
}

void add(OperationList& backlog, const Step& step, std::size_t number) {
  if (!step.is_event) {
    const Target& target = step.targets.front();
    backlog.upsert(kObjects[target.object], properties_of(target, number));
    return;
  }
  std::vector<Named> objects;
  for (const Target& target : step.targets) {
    objects.push_back({kObjects[target.object], properties_of(target, number)});
  }
  backlog.event(objects);
}

void showValue(const Step& step, std::ostream& out) {
  OperationList backlog;
  add(backlog, step, 1);
  std::string json;
  backlog.operations().front().append_json(json);
  out << "\n  " << json;
}

rc::Gen<std::vector<Write>> writes(int max) {
  const auto write = rc::gen::construct<Write>(rc::gen::inRange<std::size_t>(0, kNames.size()),
                                               rc::gen::element(false, false, true));
  return rc::gen::mapcat(rc::gen::inRange(0, max + 1), [=](int count) {
    return rc::gen::container<std::vector<Write>>(static_cast<std::size_t>(count), write);
  });
}

rc::Gen<Target> target(int writes_max) {
  return rc::gen::construct<Target>(rc::gen::inRange<std::size_t>(0, kObjects.size()),
                                    writes(writes_max));
}

/// An event names 1-3 objects, perhaps one of them twice, and writes about every second.
rc::Gen<Step> step() {
  const auto upsert = rc::gen::construct<Step>(
      rc::gen::just(false), rc::gen::container<std::vector<Target>>(1, target(2)));
  const auto event = rc::gen::construct<Step>(
      rc::gen::just(true), rc::gen::mapcat(rc::gen::inRange<std::size_t>(1, 4), [](auto count) {
        return rc::gen::container<std::vector<Target>>(count, target(1));
      }));
  return rc::gen::weightedOneOf<Step>({{3, upsert}, {2, event}});
}

OperationList backlog_of(const Workload& workload) {
  OperationList backlog;
  for (std::size_t i = 0; i < workload.size(); ++i) add(backlog, workload[i], i);
  return backlog;
}

/// Small ones close merged upserts again and again.
PlanOptions random_options() {
  PlanOptions options;
  options.bytes_max = *rc::gen::element<std::size_t>(100, 200, 1000, 1U << 20);
  return options;
}

/// Mostly nobody waits.
std::vector<std::uint64_t> random_groups(std::size_t operations) {
  return *rc::gen::container<std::vector<std::uint64_t>>(
      operations, rc::gen::element<std::uint64_t>(0, 0, 0, 1, 2, 3));
}

void expect_same_as_one_by_one(const PlanOptions& options, Cutting cutting,
                               bool somebody_waits = false) {
  const Workload workload = *rc::gen::container<Workload>(step());
  if (somebody_waits) cutting.groups = random_groups(workload.size());
  const OperationList backlog = backlog_of(workload);
  const auto operations = backlog.operations();
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  RC_ASSERT(execute_planned(operations, options, cutting, random).describe() ==
            execute_one_by_one(operations, options).describe());
}

Cutting random_cutting() {
  Cutting cutting;
  cutting.window = *rc::gen::inRange<std::size_t>(1, 30);
  cutting.sealed_percent = *rc::gen::element(100, 70, 30, 0);
  return cutting;
}

template <class Property>
void check(const Property& property) {
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  params.maxSuccess = kWorkloads;
  const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata(), params);
  std::ostringstream message;
  rc::detail::printResultMessage(result, message);
  EXPECT_TRUE(result.template is<rc::detail::SuccessResult>()) << message.str();
}

TEST(PlannerProperty, OnePlanInAnyOrderThatItAllowsEqualsTheUnplannedSequence) {
  check([] { expect_same_as_one_by_one(random_options(), {}); });
}

TEST(PlannerProperty, SuccessivePlansAroundOutstandingRequestsEqualTheUnplannedSequence) {
  check([] { expect_same_as_one_by_one(random_options(), random_cutting()); });
}

TEST(PlannerProperty, PlansThatKeepGroupsApartEqualTheUnplannedSequence) {
  check([] { expect_same_as_one_by_one(random_options(), random_cutting(), true); });
}

TEST(PlannerProperty, OfLatestTypesTheFinalStateAndWhatWritersFoundEqualTheUnplannedSequence) {
  check([] {
    PlanOptions options = random_options();
    options.latest_types.insert("Customer");
    expect_same_as_one_by_one(options, random_cutting());
  });
}

}  // namespace
}  // namespace flowmyna::test
