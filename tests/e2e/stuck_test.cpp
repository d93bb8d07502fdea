// What fails whatever company it has: it is found, named, and waited for by nothing but what
// depends on it.

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

class StuckTest : public DeliveryTest {
 protected:
  /// Ten items, of which the sixth is bad.
  static std::vector<std::string> batch_around(const std::string& bad) {
    std::vector<std::string> items = upserts(10, "beside-" + bad + "-");
    items[5] = upsert(bad, R"({"poison":1})");
    return items;
  }
  void wait_for_stuck(std::size_t count) {
    rig_.wait_until(std::to_string(count) + " are stuck", [&] { return stuck() == count; });
  }
};

// Of whatever the sixth of ten is, in the first two batches.
constexpr std::size_t kFirstBad = 6;
constexpr std::size_t kSecondBad = 16;

TEST_F(StuckTest, TwoBatchesAtTheHeadStopNothingBehindThemAlsoAfterARestart) {
  const std::string ten = "delivery.batch_items = 10\n";
  rig_.set_faults(R"([{"fault":"status","status":500,"detail":"no such place",)"
                  R"("match":{"property":"poison"}}])");
  rig_.start_agent(ten);
  together([this] {
    write_upserts(batch_around("bad-1"));
    write_upserts(batch_around("bad-2"));
    write_upserts(upserts(30, "clean-"));
    write_events({event("Behind", "bad-1")});
  });
  wait_for_delivered(48);
  wait_for_stuck(2);
  const Json told = rig_.status()["delivery"]["stuck"];
  EXPECT_EQ(told["oldest_receipt"], kFirstBad);
  EXPECT_EQ(told["status"], 500);
  EXPECT_NE(told["last_error"].dump().find("no such place"), std::string::npos);

  rig_.kill_agent();
  rig_.start_agent(ten);
  write_upserts(upserts(30, "after-"));
  wait_for_delivered(78);
  // It takes successes to tell what is stuck from an API that is down.
  for (int i = 0; stuck() < 2; ++i) {
    const std::size_t before = delivered();
    write_upserts({upsert("company", R"({"n":)" + std::to_string(i) + "}")});
    wait_for_delivered(before + 1);
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_EQ(state_of(kFirstBad), "pending");
  EXPECT_EQ(state_of(kSecondBad), "pending");
}

TEST_F(StuckTest, WhatIsStuckIsListedAndDroppingItFreesWhatWaitsBehind) {
  rig_.set_faults(R"([{"fault":"status","status":500,"match":{"property":"poison"}}])");
  rig_.start_agent();
  together([this] {
    write_upserts(batch_around("bad-1"));
    write_upserts(batch_around("bad-2"));
    write_events({event("Behind", "bad-1")});
  });
  wait_for_delivered(18);
  wait_for_stuck(2);
  const std::string listed = ctl({"pending", "--stuck"});
  EXPECT_NE(listed.find("T:bad-1"), std::string::npos) << listed;
  EXPECT_NE(listed.find("T:bad-2"), std::string::npos) << listed;
  EXPECT_EQ(listed.find("Behind"), std::string::npos) << listed;

  // It may be on its way to the API just now, whose answer is waited for.
  const std::string path = "/agent/v1/pending/" + std::to_string(kFirstBad);
  HttpReply reply;
  rig_.wait_until("it can be dropped", [&] {
    reply = rig_.connect()->request("DELETE", path, nullptr);
    return reply.status != 409;
  });
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(Json::parse(reply.body)["id"], "bad-1") << reply.body;
  wait_for_delivered(19);
  EXPECT_EQ(recorded()["Behind"], 1);
  EXPECT_EQ(state_of(kFirstBad), "dropped");
  EXPECT_EQ(fates().dropped, 1);
  EXPECT_EQ(fates().pending, 1);

  rig_.clear_faults();
  wait_for_the_end();
  EXPECT_EQ(object_at_api("bad-2"), Json({{"poison", 1}}));
  wait_for_stuck(0);
}

TEST_F(StuckTest, ThreeHundredEventsOnAPoisonedObjectHoldUpNoneOfTheOthers) {
  rig_.set_faults(R"([{"fault":"status","status":500,"match":{"type":"T","id":"poisoned"}}])");
  rig_.start_agent();
  together([this] {
    write_upserts({upsert("poisoned")});
    std::vector<std::string> on_it;
    for (int i = 0; i < 300; ++i) on_it.push_back(event("E-" + std::to_string(i), "poisoned"));
    write_events(on_it);
    write_upserts(upserts(300, "free-"));
    write_events(events(300, "F-"));
  });
  wait_for_delivered(600);
  EXPECT_EQ(fates().pending, 301);
  // Six full batches, and what it takes to see who is to blame.
  EXPECT_LE(requests(kObjectBatch) + requests(kEventBatch), 60);
  rig_.clear_faults();
  wait_for_the_end();
  EXPECT_EQ(recorded().size(), 600);
  EXPECT_EQ(fates().dead, 0);
}

TEST_F(StuckTest, EventsThatFailTogetherAtTheHeadAreLookedPastBeforeAnythingWasEverTaken) {
  rig_.set_faults(R"([{"fault":"status","status":500,"match":{"type":"T","id":"poisoned"}}])");
  rig_.start_agent("delivery.retry_initial = \"10ms\"\ndelivery.retry_max = \"1h\"\n");
  together([this] {
    std::vector<std::string> on_it;
    for (int i = 0; i < 300; ++i) on_it.push_back(event("E-" + std::to_string(i), "poisoned"));
    write_events(on_it);
    write_events(events(1800, "F-"));
  });
  wait_for_delivered(1800);
  EXPECT_EQ(fates().pending, 300);
}

TEST_F(StuckTest, WhoIsInABatchOfThoseThatFailLeavesWhenNothingElseIsThereToTellItByAnyMore) {
  rig_.set_faults(R"([{"fault":"status","status":500,"match":{"type":"T","id":"poisoned"}}])");
  rig_.start_agent("delivery.retry_initial = \"10ms\"\ndelivery.retry_max = \"1h\"\n");
  together([this] {
    std::vector<std::string> batch = events(100, "E-");
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (i != 70) batch[i] = event("E-" + std::to_string(i), "poisoned");
    }
    write_events(batch);
    write_events(events(300, "F-"));
  });
  wait_for_delivered(301);
  EXPECT_EQ(recorded()["E-70"], 1);
}

TEST_F(StuckTest, NorDoesItWaitLongWhenNothingElseEverCame) {
  rig_.set_faults(R"([{"fault":"status","status":500,"match":{"type":"T","id":"poisoned"}}])");
  rig_.start_agent("delivery.retry_initial = \"10ms\"\ndelivery.retry_max = \"1h\"\n");
  together([this] {
    std::vector<std::string> batch;
    for (int i = 0; i < 20; ++i) {
      batch.push_back(event("E-" + std::to_string(i), i == 13 ? "free" : "poisoned"));
    }
    write_events(batch);
  });
  wait_for_delivered(1);
  EXPECT_EQ(recorded()["E-13"], 1);
}

TEST_F(StuckTest, EventsThatBeginToFailTogetherHoldUpNoneOfTheOthers) {
  rig_.set_faults(R"([{"fault":"status","status":500,"match":{"type":"T","id":"poisoned"}}])");
  rig_.start_agent();
  write_events({event("Warm", "w")});
  wait_for_delivered(1);
  together([this] {
    std::vector<std::string> on_it;
    for (int i = 0; i < 300; ++i) on_it.push_back(event("E-" + std::to_string(i), "poisoned"));
    write_events(on_it);
    write_events(events(300, "F-"));
    write_upserts(upserts(300, "free-"));
  });
  wait_for_delivered(601);
  EXPECT_EQ(fates().dead, 0);
  rig_.clear_faults();
  wait_for_the_end();
  EXPECT_EQ(recorded().size(), 601);
}

}  // namespace
}  // namespace flowmyna::test
