// More work than the API can take: whatever is busy, the rest has its turn. Counted in requests and
// operations, not in time.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

constexpr const char* kBase = "/api/public/v1";

/// Writes the same upserts over and over, ten times as many as the API is sent requests for. So
/// how far it is ahead does not depend on how fast the machine is.
class Flood {
 public:
  Flood(const Rig& rig, std::vector<std::string> items)
      : thread_([this, &rig, items = std::move(items)] {
          const auto connection = rig.connect();
          std::string lines;
          for (const std::string& item : items) lines += item + '\n';
          for (std::size_t written = 0; !is_over_;) {
            const std::size_t requests = rig.sim("/sim/counts")["requests"];
            if (written > kAhead + kEachRequest * requests) {
              std::this_thread::sleep_for(std::chrono::milliseconds(1));  // then asks again
              continue;
            }
            const auto reply = connection->post(std::string(kBase) + "/object/batch", lines,
                                                {"Content-Type: application/x-ndjson"});
            EXPECT_EQ(reply.status, 200) << reply.body << reply.error;
            written += items.size();
          }
        }) {}
  ~Flood() {
    is_over_ = true;
    thread_.join();
  }
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;

 private:
  static constexpr std::size_t kAhead = 2000;
  static constexpr std::size_t kEachRequest = 1000;  // ten times what one takes

  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

class Fairness : public DeliveryTest {
 protected:
  /// Updates and events of one object in turn, `pairs` of them.
  void write_in_turn(const std::string& id, std::size_t pairs) {
    const auto connection = rig_.connect();
    const auto accept = [&](const char* path, const std::string& body) {
      const auto reply = connection->post(std::string(kBase) + path, body);
      ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
    };
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::string n = std::to_string(i);
      accept("/object/upsert", upsert(id, R"({"n":)" + n + "}"));
      accept("/event", event("E-" + n, id));
    }
  }
};

TEST_F(Fairness, WhatWaitsBehindOneBusyObjectArrivesLongBeforeItsEnd) {
  constexpr std::size_t kPairs = 5500;  // more than is read at once
  constexpr std::size_t kFree = 300;
  rig_.set_dialect(R"({"answer_delay_ms":5})");
  rig_.start_agent("outbox.durability = \"relaxed\"\n");
  together([this] {
    write_in_turn("busy", kPairs);
    write_upserts(upserts(kFree, "free-"));
  });
  rig_.wait_until("those behind it are delivered",
                  [this] { return rig_.sim("/sim/counts")["objects"] == kFree + 1; });
  const std::size_t events = rig_.sim("/sim/counts")["events"];
  std::printf("%zu of %zu events of the busy object were there by then\n", events, kPairs);
  EXPECT_LT(events, kPairs / 20);
}

TEST_F(Fairness, AnEventAmongMoreUpsertsThanEverLeaveIsDeliveredWithinAFewRounds) {
  constexpr std::size_t kInFlight = 2;
  rig_.set_dialect(R"({"answer_delay_ms":20})");
  rig_.start_agent("api.max_in_flight = " + std::to_string(kInFlight) +
                   "\noutbox.durability = \"relaxed\"\n");
  const Flood flood(rig_, upserts(500, "o-"));
  rig_.wait_until("more comes than leaves", [this] { return fates().pending > 1000; });
  for (int i = 0; i < 3; ++i) {
    const std::string name = "E-" + std::to_string(i);
    write_events({event(name, "apart-" + name)});
    const std::uint64_t accepted_at = wire().last_number();
    rig_.wait_until("the event is delivered", [&] { return recorded().contains(name); });
    const std::uint64_t left_at = wire().to(kEventBatch).back().number;
    const WireLog since = WireLog::read(rig_, accepted_at);
    const auto between = std::ranges::count_if(
        since.to(kObjectBatch), [&](const WireEntry& one) { return one.number < left_at; });
    std::printf("%td requests of upserts went before the event\n", between);
    EXPECT_LE(between, 60);
  }
}

}  // namespace
}  // namespace flowmyna::test
