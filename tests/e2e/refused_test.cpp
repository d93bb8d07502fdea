// An API that refuses everything, whatever it is: that is its own fault or the key's. All of it is
// kept, and leaves once the API is mended.

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

constexpr std::size_t kTrials = 8;

class RefusedTest : public DeliveryTest {
 protected:
  void expect_nothing_dies_of(const std::string& fault, const std::string& settings = "") {
    rig_.set_faults("[{" + fault + "}]");
    rig_.start_agent(settings);
    together([this] {
      write_upserts(upserts(2000, "o-"));
      write_events(events(1000, "E-"));
    });
    for (const char* endpoint : {"object", "event"}) wait_for_endpoint_state(endpoint, "refused");
    EXPECT_EQ(rig_.status()["delivery"]["state"], "refused");
    const std::size_t objects = requests(kObjectBatch);
    const std::size_t others = requests(kEventBatch);
    rig_.wait_until("it is probed again and again", [&] {
      return requests(kObjectBatch) >= objects + kTrials &&
             requests(kEventBatch) >= others + kTrials;
    });
    EXPECT_EQ(fates().pending, 3000);
    EXPECT_EQ(fates().dead, 0);
    // Nothing is split: what goes meanwhile are probes.
    EXPECT_LE(requests(kObjectBatch) + requests(kEventBatch), 100);

    rig_.clear_faults();
    wait_for_the_end();
    EXPECT_EQ(delivered(), 3000);
    for (const auto& [name, times] : recorded()) EXPECT_EQ(times, 1) << name;
    EXPECT_EQ(recorded().size(), 1000);
    EXPECT_EQ(fates().duplicates_possible, 0);
  }
};

constexpr const char* kEverything422 =
    R"("fault":"status","status":422,"detail":"dataset is locked","path":["/object/batch","/event/batch"])";

TEST_F(RefusedTest, ThreeThousandOperationsSurviveA422ForEverything) {
  expect_nothing_dies_of(kEverything422);
}

TEST_F(RefusedTest, ThreeThousandOperationsSurviveAnApiThatFailsEveryItem) {
  expect_nothing_dies_of(R"("fault":"reject_items","mode":"partial")");
}

TEST_F(RefusedTest, NoneOfThemDiesWhereABadItemWouldAtOnce) {
  expect_nothing_dies_of(R"("fault":"reject_items","mode":"partial")",
                         "delivery.dead_letter_after = \"0s\"\n");
}

}  // namespace
}  // namespace flowmyna::test
