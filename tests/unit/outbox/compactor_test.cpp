// Compaction: fewer rows, and the API cannot tell.

#include "outbox/compactor.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/contract/memory_storage.h"
#include "tests/contract/storage_text.h"

namespace flowmyna::test {
namespace {

constexpr std::size_t kEverything = 1'000'000;

class CompactorTest : public testing::Test {
 protected:
  void append(const OperationList& backlog) {
    must(storage.begin());
    storage.append(backlog.encoded_operations(), 1).value();
    must(storage.commit());
  }

  /// `into<member+member …`, and ` …` when the backlog goes on.
  std::string step(std::size_t operations_max = kEverything, std::vector<Receipt> taken = {}) {
    must(storage.begin());
    const auto done =
        compactor.step(storage, {std::move(taken), operations_max, 1U << 30, through});
    if (!done) throw std::runtime_error(done.error().message);
    must(storage.commit());
    std::string out;
    for (const Fold& fold : done->folds) {
      out += (out.empty() ? "" : " ") + std::to_string(fold.into) + "<";
      for (const Receipt member : fold.members) {
        out += (out.ends_with('<') ? "" : "+") + std::to_string(member);
      }
    }
    return out + (done->more ? " …" : "");
  }

  std::string json(Receipt receipt) {
    const auto window = storage.fetch({receipt}).value();
    std::string out;
    Operation::parse(window.stored(window.rows().front()))->append_json(out);
    return out;
  }

  MemoryStorage storage;
  Compactor compactor{PlanOptions{}};
  Receipt through = kEverything;
};

TEST_F(CompactorTest, UpsertsOfOneObjectBecomeTheFirstOfThem) {
  append(OperationList()
             .upsert("Order/1", {{"a", "1"}, {"b", "1"}})
             .upsert("Order/2", {{"a", "7.00"}})
             .upsert("Order/1", {{"a", "null"}})
             .upsert("Order/1", {{"c", "3"}, {"b", "2"}}));
  EXPECT_EQ(step(), "1<3+4");
  EXPECT_EQ(everything(storage), "1:1 2:2");
  EXPECT_EQ(json(1), R"({"type":"Order","id":"1","properties":{"a":null,"b":2,"c":3}})");
  EXPECT_EQ(json(2), R"({"type":"Order","id":"2","properties":{"a":7.00}})");
}

TEST_F(CompactorTest, AnEventThatNamesTheObjectStandsInBetween) {
  append(OperationList()
             .upsert("Order/1", {{"a", "1"}})
             .upsert("Order/2", {{"a", "1"}})
             .event({{"Order/1"}})
             .upsert("Order/1", {{"a", "2"}})
             .upsert("Order/2", {{"a", "2"}})
             .upsert("Order/1", {{"a", "3"}}));
  EXPECT_EQ(step(), "2<5 4<6");
}

TEST_F(CompactorTest, OfLatestTypesOnlyAnEventThatWritesTheObjectDoes) {
  PlanOptions options;
  options.latest_types = {"Customer"};
  compactor = Compactor(options);
  append(OperationList()
             .upsert("Customer/1", {{"a", "1"}})
             .event({{"Customer/1"}})
             .upsert("Customer/1", {{"a", "2"}})
             .event({{"Customer/1", {{"a", "3"}}}})
             .upsert("Customer/1", {{"a", "4"}}));
  EXPECT_EQ(step(), "1<3");
}

TEST_F(CompactorTest, WhatIsTakenStaysAndStandsInBetween) {
  append(OperationList()
             .upsert("Order/1", {{"a", "1"}})
             .upsert("Order/1", {{"a", "2"}})
             .upsert("Order/1", {{"a", "3"}})
             .upsert("Order/1", {{"a", "4"}}));
  EXPECT_EQ(step(kEverything, {2}), "3<4");
  EXPECT_EQ(everything(storage), "1:1 2:1 3:1");
}

TEST_F(CompactorTest, AStepGoesOnWhereTheLastOneEnded) {
  append(OperationList().upsert("Order/1").upsert("Order/2").upsert("Order/1").upsert("Order/2"));
  EXPECT_EQ(step(2), " …");
  EXPECT_EQ(step(2), "1<3 2<4");
  append(OperationList().upsert("Order/2").upsert("Order/2"));
  EXPECT_EQ(step(2), "2<5+6");
  EXPECT_EQ(everything(storage), "1:1 2:2");
}

TEST_F(CompactorTest, WhatWasAcceptedAfterTheLimitIsLeftForALaterStep) {
  append(OperationList().upsert("Order/1").upsert("Order/1").upsert("Order/1").upsert("Order/1"));
  through = 2;
  EXPECT_EQ(step(), "1<2");
  EXPECT_EQ(step(), "") << "not even looked at";
  through = 4;
  EXPECT_EQ(step(), "1<3+4");
}

TEST_F(CompactorTest, WhatBecameTakenBetweenTwoStepsIsNotFoldedInto) {
  append(OperationList().upsert("Order/1"));
  EXPECT_EQ(step(), "");
  append(OperationList().upsert("Order/1").upsert("Order/1"));
  EXPECT_EQ(step(kEverything, {1}), "2<3");
}

TEST_F(CompactorTest, WhatWasDeliveredBetweenTwoStepsIsNotFoldedInto) {
  append(OperationList().upsert("Order/1"));
  EXPECT_EQ(step(), "");
  seal(storage, 1, {{1}});
  Settlement settlement;
  settlement.id = 1;
  settlement.delivered = {1};
  settle(storage, settlement);
  append(OperationList().upsert("Order/1").upsert("Order/1"));
  EXPECT_EQ(step(), "2<3");
}

TEST_F(CompactorTest, NothingIsFoldedPastADeadLetterThatMayBeRetried) {
  append(OperationList().upsert("Order/1").upsert("Order/1").upsert("Order/1").upsert("Order/1"));
  seal(storage, 1, {{2}});
  Settlement settlement;
  settlement.id = 1;
  settlement.dead = {{{2}, 422, "no", 1, 99}};
  settle(storage, settlement);
  EXPECT_EQ(step(), "3<4");
}

TEST_F(CompactorTest, AfterAResetItFindsWhatCameBackBehindIt) {
  append(OperationList().upsert("Order/1").upsert("Order/2").upsert("Order/1"));
  EXPECT_EQ(step(), "1<3");
  compactor.reset();
  append(OperationList().upsert("Order/1"));
  EXPECT_EQ(step(), "1<4");
}

TEST_F(CompactorTest, ARowDoesNotGrowWithoutBoundAndNothingPassesAFullOne) {
  const std::string large(100'000, '7');
  append(OperationList()
             .upsert("Order/1", {{"a", large}})
             .upsert("Order/1", {{"b", large}})
             .upsert("Order/1", {{"c", large}})
             .upsert("Order/1", {{"a", "1"}}));
  EXPECT_EQ(step(3), "1<2 …");
  EXPECT_EQ(step(), "3<4");
}

/// What the API ends as, and what each event finds, when rows are applied in order.
std::string applied(Storage& storage) {
  std::map<std::string, std::map<std::string, std::string>> objects;
  std::string out;
  const auto merge = [](auto& object, PropertiesView properties) {
    for (const Property& property : properties) {
      object[std::string(property.name)] = std::string(property.value);
    }
  };
  const auto describe = [](const auto& object) {
    std::string text;
    for (const auto& [name, value] : object) text += name + "=" + value + " ";
    return text;
  };
  const auto window = storage.read(limits()).value();
  for (const auto& row : window.rows()) {
    const auto operation = *Operation::parse(window.stored(row));
    if (operation.kind == Kind::kUpsert) {
      merge(objects[name_of(operation.object)], operation.properties);
      continue;
    }
    for (const EventObject& named : operation.objects) {
      auto& object = objects[name_of(named.key)];
      out += std::string(operation.name) + " found " + name_of(named.key) + " " + describe(object) +
             "\n";
      merge(object, named.properties);
    }
  }
  for (const auto& [name, object] : objects) out += name + " " + describe(object) + "\n";
  return out;
}

TEST_F(CompactorTest, ARowGrowsNoLargerThanARequestMayBe) {
  PlanOptions options;
  options.bytes_max = 300;
  compactor = Compactor(options);
  OperationList backlog;
  for (int i = 0; i < 4; ++i) {
    backlog.upsert("Order/1", {{"p" + std::to_string(i), std::string(100, '1')}});
  }
  append(backlog);
  EXPECT_EQ(step(), "1<2 3<4");
}

TEST_F(CompactorTest, WhateverItFoldsTheApiEndsTheSame) {
  std::size_t folded = 0;
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    std::mt19937 random(seed);
    const auto number = [&](int max) { return static_cast<int>(random() % unsigned(max)); };
    MemoryStorage plain;
    MemoryStorage compacted;
    Compactor own{PlanOptions{}};
    int written = 0;
    for (int round = 0; round < 5; ++round) {
      OperationList backlog;
      for (int i = number(12); i >= 0; --i) {
        const std::string object = "Order/" + std::to_string(number(3));
        const Properties properties = {
            {number(2) == 0 ? "a" : "b", number(4) == 0 ? "null" : std::to_string(++written)}};
        if (number(4) > 0) {
          backlog.upsert(object, properties);
        } else {
          backlog.event({{object, number(2) == 0 ? properties : Properties{}}},
                        "E" + std::to_string(++written));
        }
      }
      for (Storage* side : {static_cast<Storage*>(&plain), static_cast<Storage*>(&compacted)}) {
        must(side->begin());
        side->append(backlog.encoded_operations(), 1).value();
        must(side->commit());
      }
      const Receipt nearly_all =
          compacted.stats().accepted - std::min<Receipt>(20, compacted.stats().accepted);
      std::vector<Receipt> taken;
      for (Receipt receipt = 1; receipt <= compacted.stats().accepted; ++receipt) {
        if (number(10) == 0) taken.push_back(receipt);
      }
      if (number(5) == 0) own.reset();
      must(compacted.begin());
      const auto done =
          own.step(compacted, {taken, static_cast<std::size_t>(1 + number(20)), 1U << 30,
                               static_cast<Receipt>(number(40)) + nearly_all});
      ASSERT_TRUE(done) << done.error().message;
      must(compacted.commit());
      for (const Fold& fold : done->folds) folded += fold.members.size();
      EXPECT_EQ(compacted.stats().pending(), plain.stats().accepted);
    }
    ASSERT_EQ(applied(compacted), applied(plain)) << "seed " << seed;
  }
  EXPECT_GT(folded, 10'000U);
}

}  // namespace
}  // namespace flowmyna::test
