// One bad operation in a merged upsert, and requests that are too large: what is to blame is found,
// and nothing else dies with it.

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

std::string property(std::size_t i, const std::string& value) {
  return "{\"p" + std::to_string(i) + "\":\"" + value + "\"}";
}

/// `count` updates of one object, each of a property of its own.
class MergedUpsert : public DeliveryTest, public testing::WithParamInterface<std::size_t> {
 protected:
  static std::vector<std::string> updates(std::size_t count, const std::string& value) {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < count; ++i) items.push_back(upsert("o", property(i, value)));
    return items;
  }
};

TEST_P(MergedUpsert, OfTwoHundredUpdatesLosesTheOneThatIsBad) {
  const std::size_t bad = GetParam();
  rig_.set_faults(R"([{"fault":"reject_items","match":{"value":"bad"},"reason":"no such value"}])");
  rig_.start_agent();
  together([&] {
    std::vector<std::string> items = updates(200, "fine");
    items[bad] = upsert("o", property(bad, "bad"));
    write_upserts(items);
  });
  wait_for_the_end();
  EXPECT_EQ(delivered(), 199);
  EXPECT_EQ(object_at_api("o").size(), 199);
  EXPECT_FALSE(object_at_api("o").contains("p" + std::to_string(bad)));
  const Json letters = Json::parse(rig_.get("/agent/v1/dead-letters").body)["dead_letters"];
  ASSERT_EQ(letters.size(), 1);
  EXPECT_EQ(letters[0]["id"], bad + 1);
  EXPECT_EQ(letters[0]["receipts"], 1);
  EXPECT_NE(letters[0]["reason"].dump().find("no such value"), std::string::npos);
  EXPECT_LE(requests(kObjectBatch), 20);  // 1 + 2 * log2(200), and what is left of it
}

INSTANTIATE_TEST_SUITE_P(Bad, MergedUpsert, testing::Values(0, 50, 199),
                         testing::PrintToStringParamName());

TEST_F(DeliveryTest, WhatIsTooLargeTogetherGoesInPartsThatFit) {
  rig_.set_dialect(R"({"limits":{"body_bytes":2400}})");
  rig_.start_agent();
  together([this] {
    write_upserts(upserts(100, "o-"));
    write_events(events(100, "E-"));
  });
  wait_for_the_end();
  EXPECT_EQ(delivered(), 200);
  for (const auto& [name, times] : recorded()) EXPECT_EQ(times, 1) << name;
  EXPECT_EQ(recorded().size(), 100);
  EXPECT_EQ(fates().duplicates_possible, 0);
}

class TooLargeUpsert : public DeliveryTest {};

TEST_F(TooLargeUpsert, GoesInPartsThatFitAndOnlyWhatNeverFitsDies) {
  rig_.set_dialect(R"({"limits":{"body_bytes":2400}})");
  rig_.start_agent();
  together([this] {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < 40; ++i) {
      items.push_back(upsert("o", property(i, std::string(i == 20 ? 3000 : 200, 'x'))));
    }
    write_upserts(items);
  });
  wait_for_the_end();
  EXPECT_EQ(delivered(), 39);
  EXPECT_EQ(object_at_api("o").size(), 39);
  EXPECT_FALSE(object_at_api("o").contains("p20"));
  EXPECT_EQ(state_of(21), "dead");
  EXPECT_EQ(fates().dead, 1);
}

}  // namespace
}  // namespace flowmyna::test
