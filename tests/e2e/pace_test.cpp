// How hard the API is leaned on: max_requests_per_minute and max_in_flight, as the API sees them.

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "e2e/rig.h"
#include "e2e/wire_log.h"

namespace flowmyna::test {
namespace {

/// So many objects, with nothing to keep them from going in requests of one item each.
void write_objects(Rig& rig, std::size_t count) {
  std::string body;
  for (std::size_t i = 0; i < count; ++i) {
    body += R"({"type":"T","id":")" + std::to_string(i) + "\"}\n";
  }
  const HttpReply reply =
      rig.post("/api/public/v1/object/batch", body, {"Content-Type: application/x-ndjson"});
  ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
}

TEST(Pace, ABurstGoesAtOnceUpToATenthOfTheLimitAndTheRestIsSpreadOverTheMinute) {
  constexpr std::size_t kLimit = 600;
  // A tenth at once and the rest evenly, so that no sixty seconds hold more than the limit.
  constexpr double kBurst = kLimit / 10.0;
  constexpr double kPerSecond = (kLimit - kBurst) / 60;
  constexpr std::size_t kCount = 85;
  Rig rig;
  const auto begin = std::chrono::steady_clock::now();
  rig.start_agent("api.max_requests_per_minute = " + std::to_string(kLimit) +
                  "\ndelivery.batch_items = 1\n");
  write_objects(rig, kCount);
  rig.wait_until("everything is settled", [&] { return rig.status()["outbox"]["pending"] == 0; });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const std::size_t requests = WireLog::read(rig).entries().size();  // with the health probe
  EXPECT_GE(requests, kCount + 1);
  EXPECT_LE(static_cast<double>(requests), kBurst + took.count() * kPerSecond + 1);
  std::printf("%zu requests in %.1f s at %zu a minute\n", requests, took.count(), kLimit);
}

TEST(Pace, NoMoreRequestsAreInFlightThanAllowedHoweverSlowTheAnswersAre) {
  constexpr std::size_t kInFlightMax = 3;
  Rig rig({"--latency", "20ms"});
  rig.start_agent("api.max_in_flight = " + std::to_string(kInFlightMax) +
                  "\ndelivery.batch_items = 1\n");
  write_objects(rig, 60);
  rig.wait_until("everything is settled", [&] { return rig.status()["outbox"]["pending"] == 0; });
  const Json counts = rig.sim("/sim/counts");
  EXPECT_EQ(counts["in_flight_max"], kInFlightMax);  // reached, and never exceeded
  EXPECT_EQ(counts["objects"], 60);
}

}  // namespace
}  // namespace flowmyna::test
