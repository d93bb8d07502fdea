// One endpoint, or one object, that the API does not take: what does not depend on it leaves as if
// it were not there. And health, which is only a hint.

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

// What an installation has, but for the rate: a second first, then up to minutes.
constexpr const char* kPatient =
    "delivery.retry_initial = \"1s\"\n"
    "delivery.retry_max = \"5m\"\n"
    "delivery.linger = \"200ms\"\n";

class EndpointTest : public DeliveryTest {
 protected:
  /// Events fail under `fault`; objects that they do not name are delivered all the same, also
  /// those that are written later; the rest comes once the fault ends.
  void expect_objects_to_be_delivered_while_events_fail(const std::string& fault,
                                                        const std::string& state) {
    rig_.set_faults(R"([{)" + fault + R"(,"path":"/event/batch"}])");
    rig_.start_agent(kPatient);
    together([this] {
      write_events(events(5, "E-"));
      write_upserts({upsert("of-E-1", R"({"n":2})")});
      write_upserts(upserts(200, "free-"));
    });
    wait_for_delivered(200);
    wait_for_endpoint_state("event", state);
    write_upserts(upserts(50, "later-"));
    wait_for_delivered(250);
    EXPECT_EQ(fates().pending, 6);
    EXPECT_EQ(object_at_api("of-E-1"), Json());

    rig_.clear_faults();
    rig_.post("/agent/v1/flush", "");
    wait_for_the_end();
    EXPECT_EQ(delivered(), 256);
    for (const auto& [name, times] : recorded()) EXPECT_EQ(times, 1) << name;
    EXPECT_EQ(recorded().size(), 5);
  }
};

TEST_F(EndpointTest, ThatIsDownHoldsUpOnlyWhatDependsOnIt) {
  expect_objects_to_be_delivered_while_events_fail(R"("fault":"status","status":500)",
                                                   "backing_off");
}

TEST_F(EndpointTest, ThatRefusesTheKeyHoldsUpOnlyWhatDependsOnIt) {
  expect_objects_to_be_delivered_while_events_fail(
      R"("fault":"status","status":403,"detail":"this key may write no events")", "unauthorized");
}

TEST_F(EndpointTest, ThatIsNotThereHoldsUpOnlyWhatDependsOnIt) {
  expect_objects_to_be_delivered_while_events_fail(R"("fault":"not_found")", "misconfigured");
}

TEST_F(DeliveryTest, AnObjectWhoseValueMeetsAPageHoldsUpItselfAlone) {
  rig_.set_faults(
      R"([{"fault":"status","status":403,"page":true,"match":{"property":"note","value":"<b>"}}])");
  rig_.start_agent();
  together([this] {
    write_upserts(upserts(150, "before-"));
    write_upserts({upsert("x", R"({"note":"<b>bold</b>"})")});
    write_upserts(upserts(149, "behind-"));
  });
  wait_for_delivered(299);
  EXPECT_EQ(fates().pending, 1);
  EXPECT_EQ(state_of(151), "pending");
  rig_.clear_faults();
  wait_for_the_end();
  EXPECT_EQ(delivered(), 300);
  EXPECT_EQ(object_at_api("x"), Json({{"note", "<b>bold</b>"}}));
}

struct Health {
  std::string name;
  std::string fault;
};

// For GoogleTest, which prints the parameter beside the test's name.
void PrintTo(const Health& health, std::ostream* out) {
  *out << health.name;
}

class BrokenHealth : public DeliveryTest, public testing::WithParamInterface<Health> {};

TEST_P(BrokenHealth, HoldsUpNothingWhileWritesWork) {
  rig_.set_faults("[{" + GetParam().fault + R"(,"path":"/health"}])");
  rig_.start_agent();
  write_upserts({upsert("a")});
  write_events({event("E-1", "b")});
  rig_.wait_until("both are delivered", [this] {
    // Where health refuses the key, requests have their turn after five minutes or for a person.
    rig_.post("/agent/v1/flush", "");
    return delivered() == 2;
  });
  // Whoever asks for health has the API asked for it again.
  for (int i = 0; i < 3; ++i) {
    const std::size_t asked = requests("/health");
    rig_.get("/api/public/v1/health");
    rig_.wait_until("it is asked", [&] { return requests("/health") > asked; });
    write_upserts({upsert("a", R"({"n":)" + std::to_string(i) + "}")});
    write_events({event("E-2", "b")});
    wait_for_the_end();
  }
  EXPECT_EQ(delivered(), 8);
  EXPECT_EQ(fates().duplicates_possible, 0);
}

INSTANTIATE_TEST_SUITE_P(Row, BrokenHealth,
                         testing::Values(Health{"Absent", R"("fault":"not_found")"},
                                         Health{"NotAllowed", R"("fault":"status","status":405)"},
                                         Health{"OfAnotherShape", R"("fault":"wrong_shape")"},
                                         Health{"Empty", R"("fault":"empty_200")"},
                                         Health{"Failing", R"("fault":"status","status":500)"},
                                         Health{"Unavailable", R"("fault":"status","status":503)"},
                                         Health{"Unauthorized", R"("fault":"unauthorized")"},
                                         Health{"Forbidden", R"("fault":"forbidden")"},
                                         Health{"APage", R"("fault":"html_200")"},
                                         Health{"ForbiddenByAPage",
                                                R"("fault":"status","status":403,"page":true)"}),
                         [](const auto& health) { return health.param.name; });

}  // namespace
}  // namespace flowmyna::test
