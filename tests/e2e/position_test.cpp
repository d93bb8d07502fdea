// An API that fails one event of a batch and names it by its position. From what it counts nobody
// has said, so whatever it means: no event is recorded twice uncounted, and none is lost.

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

struct Count {
  std::size_t bad;         ///< which of the ten fails
  const char* error_text;  ///< how it is named
  bool recovers;           ///< it fails once only
};

// For GoogleTest, which prints the parameter beside the test's name.
void PrintTo(const Count& count, std::ostream* out) {
  *out << count.error_text << " of " << count.bad;
}

constexpr std::size_t kEvents = 10;
constexpr const char* kFromZero = "index {index}: {reason}";
constexpr const char* kFromOne = "index {number}: {reason}";

class Position : public DeliveryTest, public testing::WithParamInterface<Count> {
 protected:
  void deliver(const std::string& settings) {
    const std::string bad = "E-" + std::to_string(GetParam().bad);
    rig_.set_faults(R"([{"fault":"reject_items","mode":"partial","match":{"event":")" + bad +
                    R"("},"error_text":")" + GetParam().error_text + "\"" +
                    (GetParam().recovers ? R"(,"count_each":1}])" : "}]"));
    rig_.start_agent("delivery.dead_letter_after = \"0s\"\n" + settings);
    together([this] { write_events(events(kEvents, "E-")); });
    wait_for_the_end();
  }
  /// The events that the API has not recorded, by their receipts.
  std::vector<std::size_t> missing() const {
    std::vector<std::size_t> receipts;
    const auto times = recorded();
    for (std::size_t i = 0; i < kEvents; ++i) {
      if (!times.contains("E-" + std::to_string(i))) receipts.push_back(i + 1);
    }
    return receipts;
  }
  std::size_t recorded_again() const {
    std::size_t again = 0;
    for (const auto& [name, times] : recorded()) again += times - 1;
    return again;
  }
};

TEST_P(Position, OfAFailureMakesNoEventTwiceUncountedAndLosesNone) {
  deliver("");
  EXPECT_LE(recorded_again(), fates().duplicates_possible);
  EXPECT_EQ(missing().size(), GetParam().recovers ? 0 : 1);
  for (const std::size_t receipt : missing()) EXPECT_EQ(state_of(receipt), "dead") << receipt;
  EXPECT_EQ(fates().dead, missing().size());
}

TEST_P(Position, OfAFailureMakesNoEventTwiceIfThatIsNotWantedAndLosesNone) {
  deliver("delivery.on_unknown = \"hold\"\n");
  EXPECT_EQ(recorded_again(), 0);
  for (const std::size_t receipt : missing()) EXPECT_EQ(state_of(receipt), "dead") << receipt;
  EXPECT_EQ(fates().delivered + fates().dead, kEvents);
  // What is held may be there all the same.
  EXPECT_LE(fates().dead, fates().duplicates_possible + missing().size());
}

std::vector<Count> counts() {
  std::vector<Count> all;
  for (const std::size_t bad : {std::size_t{0}, kEvents / 2, kEvents - 1}) {
    for (const char* text : {kFromZero, kFromOne}) {
      for (const bool recovers : {false, true}) all.push_back({bad, text, recovers});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Row, Position, testing::ValuesIn(counts()), [](const auto& count) {
  return std::string(count.param.error_text == kFromOne ? "FromOne" : "FromZero") + "Item" +
         std::to_string(count.param.bad) + (count.param.recovers ? "Once" : "Always");
});

}  // namespace
}  // namespace flowmyna::test
