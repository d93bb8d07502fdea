// Neither memory nor the time to start grows with what waits. tests/run takes two small backlogs;
// FLOWMYNA_BACKLOG=500000 takes ten times that many, 5 million, as the larger one.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "e2e/process_figures.h"
#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr const char* kRefused = R"([{"fault":"refused"}])";
constexpr const char* kSettings = "outbox.max_size = \"8GiB\"\napi.max_requests_per_minute = 0\n";
constexpr std::size_t kBatch = 10'000;  // the most that one request takes
constexpr std::size_t kFactor = 10;

std::size_t smaller_backlog() {
  const char* text = std::getenv("FLOWMYNA_BACKLOG");
  return text == nullptr ? 20'000 : std::strtoul(text, nullptr, 10) / kBatch * kBatch;
}

std::string batch(std::size_t first) {
  std::string body;
  for (std::size_t i = first; i < first + kBatch; ++i) {
    body += R"({"type":"Order","id":"O-)" + std::to_string(i) +
            R"(","properties":{"status":"open","amount":5420.00,"note":")" + std::string(100, 'x') +
            "\"}}\n";
  }
  return body;
}

/// However long it takes, as long as it gets less.
void drain(Rig& rig) {
  std::size_t left = rig.status()["outbox"]["pending"];
  while (left > 0) {
    rig.wait_until("fewer wait", [&, before = left] {
      left = rig.status()["outbox"]["pending"];
      return left < before;
    });
  }
}

/// What a backlog of so many operations about as many objects costs.
struct Cost {
  std::size_t start_bytes_read = 0;  ///< 0 where only root is told
  std::chrono::milliseconds to_first_answer{0};
  std::size_t peak_kib = 0;     ///< resident, while it is drained
  std::size_t drained_kib = 0;  ///< resident, afterwards
};

Cost cost_of(std::size_t operations) {
  Rig rig({"--no-history", "--log-limit", "10"});
  rig.set_faults(kRefused);
  rig.start_agent(kSettings);
  auto connection = rig.connect();
  for (std::size_t i = 0; i < operations; i += kBatch) {
    const auto reply = connection->post("/api/public/v1/object/batch", batch(i),
                                        {"Content-Type: application/x-ndjson"});
    EXPECT_EQ(reply.status, 200) << reply.body;
  }
  rig.kill_agent();

  Cost cost;
  const auto started = std::chrono::steady_clock::now();
  rig.start_agent(kSettings);
  EXPECT_EQ(rig.post("/api/public/v1/object/upsert", R"({"type":"T","id":"1"})").status, 200);
  cost.to_first_answer = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - started);
  cost.start_bytes_read = bytes_read(rig.agent().pid());
  rig.clear_faults();
  drain(rig);
  cost.peak_kib = memory_kib(rig.agent().pid(), "VmHWM");
  rig.wait_until("an idle agent is small", [&] {
    cost.drained_kib = memory_kib(rig.agent().pid(), "VmRSS");
    return cost.drained_kib < 12 * 1024;
  });
  std::cout << "backlog: " << operations << " operations, first answer after "
            << cost.to_first_answer.count() << " ms and " << cost.start_bytes_read / 1024
            << " KiB read, resident at most " << cost.peak_kib << " KiB while draining, "
            << cost.drained_kib << " KiB when idle\n";
  return cost;
}

TEST(Backlog, TenTimesAsMuchTakesNoMoreMemoryAndNoLongerStart) {
  const std::size_t operations = smaller_backlog();
  const Cost small = cost_of(operations);
  const Cost large = cost_of(kFactor * operations);
  EXPECT_EQ(large.start_bytes_read == 0, geteuid() != 0);
  // How many windows are in memory at once is chance; an operation that stayed there would take
  // more than the 34 bytes that this leaves for each.
  EXPECT_LT(large.peak_kib, small.peak_kib + 6 * 1024);
  // The log is read whole; of the operations, of which there are 34 MiB more, hardly any.
  EXPECT_LT(large.start_bytes_read, small.start_bytes_read + (10U << 20));
}

}  // namespace
}  // namespace flowmyna::test
