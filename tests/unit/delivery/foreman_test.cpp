// What the foreman does between an outbox and a network that are answered for by hand: where one
// order of what happens decides. Whatever may happen besides is tests/simulation's.

#include "delivery/foreman.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foreman_bench.h"

namespace flowmyna::test {
namespace {

const Properties kSomething{{"x", "1"}};

OperationList upsert(std::string_view object) {
  return OperationList().upsert(object, kSomething);
}
/// It waits for all that touches the object, and is waited for.
OperationList event_on(const std::string& object) {
  return OperationList().event({{object, kSomething}});
}

class ForemanTest : public ForemanBench {};

TEST_F(ForemanTest, HoweverMuchWaitsForWhatIsUnderWayThereIsRoomForWhatIsFreeToGo) {
  options.window_operations = 4;
  constexpr int kObjects = 12;  // of which two windows would fill the plan
  std::vector<Named> all;
  for (int i = 1; i <= kObjects; ++i) all.push_back({"T/" + std::to_string(i)});
  OperationList backlog;
  backlog.event(all);
  for (const Named& named : all) backlog.upsert(named.object, kSomething);
  backlog.upsert("T/free", kSomething);
  accept(backlog);
  EXPECT_EQ(under_way(), Strings({"1", std::to_string(1 + kObjects + 1)}));
}

TEST_F(ForemanTest, WhatWaitsForWhatFailsIsNotReadAgainWheneverItsEndpointOpens) {
  accept(event_on("T/1"));
  accept(event_on("T/1"));
  answer("1", server_error());
  const std::size_t reads = outbox().reads();
  for (int tries = 0; tries < 3; ++tries) {
    pass(kBackOff);
    answer("1", server_error());
  }
  EXPECT_EQ(outbox().reads(), reads);
  pass(kBackOff);
  answer("1", taken(1));
  EXPECT_EQ(under_way(), Strings({"2"}));
}

TEST_F(ForemanTest, WhatIsYoungerAndHasNoPlaceHidesNothingThatHadToBePassedOver) {
  options.in_flight_max = 2;  // one of them each endpoint's
  accept(event_on("T/1"));
  answer("1", server_error());
  accept(event_on("T/1"));
  accept(upsert("T/2").upsert("T/3", kSomething));
  ASSERT_EQ(under_way(), Strings({"3"})) << "2 has to wait for 1, and 4 has no place";
  pass(kBackOff);
  answer("1", taken(1));
  EXPECT_EQ(under_way(), Strings({"3", "2"}));
}

TEST_F(ForemanTest, WhatWasPlannedDuringATrialMergesWithWhatComesOnceThatHasFailed) {
  accept(upsert("T/1"));
  accept(upsert("T/1").upsert("T/2", kSomething));
  answer("1", server_error());
  pass(kBackOff);
  ASSERT_EQ(under_way(), Strings({"1"})) << "3 could go, but is not its turn";
  answer("1", server_error());
  accept(upsert("T/2"));
  pass(kBackOff);
  EXPECT_EQ(under_way(), Strings({"3+4"}));
}

TEST_F(ForemanTest, WhatFailsAgainByItselfIsNoReasonToReadThePlanAnew) {
  accept(upsert("T/1"));
  answer("1", taken(1));
  accept(upsert("T/1").upsert("T/2", kSomething).upsert("T/3", kSomething));
  accept(upsert("T/3"));
  ASSERT_EQ(under_way(), Strings({"2", "3", "4"})) << "5 is planned behind 4";
  answer("3", taken(1));
  answer("2", server_error());
  accept(upsert("T/2"));
  pass(kBackOff);
  ASSERT_EQ(under_way(), Strings({"4", "6", "2"}));
  answer("6", taken(1));
  const std::size_t reads = outbox().reads();
  answer("2", server_error());
  EXPECT_EQ(outbox().reads(), reads);
  answer("4", taken(1));
  EXPECT_EQ(under_way(), Strings({"5"}));
}

/// Nearly all that waits are events of T/1, which the API turns away.
class ForemanTurnedAwayTest : public ForemanBench {
 protected:
  static constexpr int kTurnedAway = 300;
  static constexpr int kFew = 20;

  static OperationList many() {
    OperationList backlog;
    for (int i = 0; i < kTurnedAway; ++i) backlog.event({{"T/1"}});
    return backlog;
  }
  /// Turns everything away, over and over, until this is under way; how often.
  int tries_until(const std::string& receipts) {
    int tries = 0;
    for (; tries < kTurnedAway && std::ranges::count(under_way(), receipts) == 0; ++tries) {
      for (const auto& each : under_way()) {
        answer(each, answer_of(403, R"({"detail":"not for this object"})"));
      }
      pass(std::chrono::minutes(5));
    }
    return tries;
  }
};

TEST_F(ForemanTurnedAwayTest, WhatIsOfAnotherObjectIsTriedSoon) {
  accept(many().event({{"T/2"}}));
  EXPECT_LT(tries_until(std::to_string(kTurnedAway + 1)), kFew);
}

TEST_F(ForemanTurnedAwayTest, WhatSharesARequestWithItIsTriedWithoutItSoon) {
  options.plan.items_max = 2;
  accept(OperationList().event({{"T/1"}}).event({{"T/2"}}));
  ASSERT_EQ(under_way(), Strings({"1 2"}));
  accept(many());
  EXPECT_LT(tries_until("2"), kFew);
}

/// Writers who wait, for an hour at most.
class ForemanWaitsTest : public ForemanBench {
 protected:
  Strings told;  ///< what became of an operation, or that nobody knows

  void wait_for(Receipt receipt) {
    foreman().await({receipt, 1, now() + std::chrono::hours(1),
                     [this, receipt](const std::vector<OperationOutcome>& outcomes) {
                       told.push_back(std::to_string(receipt) + " is " + text(outcomes));
                     }});
  }
  /// Whether a person was told that it is dropped.
  bool drop(Receipt receipt) {
    std::optional<bool> is_dropped;
    foreman().drop_pending(receipt,
                           [&](const Result<void>& done) { is_dropped = done.has_value(); });
    work();
    return is_dropped.value();
  }

 private:
  static std::string text(const std::vector<OperationOutcome>& outcomes) {
    if (outcomes.empty()) return "unknown";
    return outcomes[0].state == OperationOutcome::State::kDropped ? "dropped" : "not dropped";
  }
};

TEST_F(ForemanWaitsTest, WhoeverWaitsForWhatIsNotReadYetIsToldAtOnceThatAPersonHasDroppedIt) {
  foreman().pause();
  wait_for(1);
  accept(upsert("T/1"));
  EXPECT_TRUE(drop(1));
  EXPECT_EQ(told, Strings({"1 is dropped"}));
}

TEST_F(ForemanWaitsTest, AndSoIsWhoeverWaitsForWhatIsPlanned) {
  accept(upsert("T/1"));
  wait_for(2);
  accept(upsert("T/1"));
  ASSERT_EQ(under_way(), Strings({"1"}));
  EXPECT_TRUE(drop(2));
  EXPECT_EQ(told, Strings({"2 is dropped"}));
}

TEST_F(ForemanWaitsTest, WhatCouldNotBeDroppedNobodyIsToldOf) {
  foreman().pause();
  work();
  wait_for(1);
  EXPECT_FALSE(drop(1)) << "nobody has written it yet";
  EXPECT_EQ(told, Strings());
}

}  // namespace
}  // namespace flowmyna::test
