// Events that may have arrived: how many are held for a person, and when they are counted.

#include <algorithm>

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

constexpr const char* kHold = "delivery.on_unknown = \"hold\"\n";
constexpr const char* kEventsFail = R"([{"fault":"status","status":500,"path":"/event/batch"}])";

TEST_F(DeliveryTest, AnOutageHoldsOneEventATrialAndNotABatch) {
  rig_.set_faults(kEventsFail);
  rig_.start_agent(kHold);
  together([this] { write_events(events(100, "E-")); });
  rig_.wait_until("there were some trials", [this] { return requests(kEventBatch) >= 5; });
  // Read in this order, for more may come between.
  const std::size_t held = fates().dead;
  EXPECT_GT(held, 0);
  EXPECT_LE(held, requests(kEventBatch));
  rig_.clear_faults();
  wait_for_the_end();
  EXPECT_EQ(fates().dead, fates().duplicates_possible);
  EXPECT_EQ(recorded().size(), fates().delivered);
}

TEST_F(DeliveryTest, AnOutageThatBeginsAmongEventsHoldsWhatWasUnderWayAndThenOneATrial) {
  constexpr std::ptrdiff_t kInFlight = 2;
  rig_.start_agent(kHold + ("api.max_in_flight = " + std::to_string(kInFlight)) + "\n");
  write_events({event("Warm", "w")});
  wait_for_delivered(1);
  rig_.set_faults(kEventsFail);
  together([this] { write_events(events(300, "E-")); });
  rig_.wait_until("there were some trials", [this] { return requests(kEventBatch) >= 8; });
  const std::size_t held = fates().dead;
  std::size_t sent = 0;
  auto failed = wire().to(kEventBatch);
  failed.erase(failed.begin());
  for (const WireEntry& request : failed) sent += request.items;
  EXPECT_LE(held, sent);
  EXPECT_LE(std::ranges::count_if(failed, [](const auto& one) { return one.items > 1; }),
            kInFlight);
  rig_.clear_faults();
  wait_for_the_end();
  EXPECT_EQ(recorded().size(), fates().delivered);
}

TEST_F(DeliveryTest, ACleanStopHoldsNoEventThatNeverLeft) {
  // One request for health and one for the first events; the rest is sealed and may not leave.
  const std::string settings = std::string(kHold) +
                               "delivery.batch_items = 2\n"
                               "api.max_requests_per_minute = 30\n";
  rig_.start_agent(settings);
  together([this] { write_events(events(40, "E-")); });
  wait_for_delivered(2);
  ASSERT_EQ(rig_.stop_agent(), 0);
  EXPECT_LT(recorded().size(), 40) << "all have left: the test proves nothing";
  rig_.start_agent(kHold);
  wait_for_the_end();
  EXPECT_EQ(fates().dead, 0);
  EXPECT_EQ(delivered(), 40);
  for (const auto& [name, times] : recorded()) EXPECT_EQ(times, 1) << name;
}

TEST_F(DeliveryTest, AnEventThatIsSentAgainAndAgainIsCountedEachTimeBeforeItIsSettled) {
  rig_.set_faults(R"([{"fault":"lost_answer","path":"/event/batch"}])");
  rig_.start_agent();
  write_events({event("E-1", "a")});
  std::size_t counted = 0;
  for (int i = 0; i < 3; ++i) {
    rig_.wait_until("it is counted once more",
                    [&] { return fates().duplicates_possible > counted; });
    counted = fates().duplicates_possible;
    EXPECT_EQ(fates().pending, 1);
  }
  rig_.clear_faults();
  wait_for_the_end();
  EXPECT_EQ(delivered(), 1);
  EXPECT_EQ(fates().duplicates_possible, recorded()["E-1"] - 1);
}

}  // namespace
}  // namespace flowmyna::test
