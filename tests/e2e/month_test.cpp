// A month offline, in a hurry: ten updates a second, of ten objects in turn. tests/run takes thirty
// hours of it; FLOWMYNA_MONTH_HOURS=720 is the whole month, 26 million upserts.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "e2e/process_figures.h"
#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr std::size_t kObjects = 10;
constexpr std::size_t kUpsertsAnHour = 10 * 3600;
constexpr std::size_t kBatch = 10'000;  // the most that one request takes

std::size_t hours() {
  const char* text = std::getenv("FLOWMYNA_MONTH_HOURS");
  return text == nullptr ? 30 : std::strtoul(text, nullptr, 10);
}

std::string batch(std::size_t first) {
  std::string body;
  for (std::size_t i = first; i < first + kBatch; ++i) {
    body += R"({"type":"Sensor","id":"S-)" + std::to_string(i % kObjects) +
            R"(","properties":{"temperature":)" + std::to_string(i % 400) + "." +
            std::to_string(i % 10) + R"(,"at":)" + std::to_string(i) + "}}\n";
  }
  return body;
}

TEST(Month, OfflineLeavesOneRowAnObjectAndCostsOneRequest) {
  Rig rig;
  rig.set_faults(R"([{"fault":"refused"}])");
  rig.start_agent();
  const std::size_t upserts = hours() * kUpsertsAnHour / kBatch * kBatch;
  auto connection = rig.connect();
  for (std::size_t i = 0; i < upserts; i += kBatch) {
    const auto reply = connection->post("/api/public/v1/object/batch", batch(i),
                                        {"Content-Type: application/x-ndjson"});
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  const auto file_kib = [&] { return std::filesystem::file_size(rig.outbox_file()) / 1024; };
  rig.wait_until("the outbox is small", [&] { return file_kib() < 1024; });
  const Json before = rig.status();
  EXPECT_EQ(before["outbox"]["pending"], upserts);
  const auto log_kib = std::filesystem::file_size(rig.outbox_file() + "-wal") / 1024;
  const auto resident = memory_kib(rig.agent().pid(), "VmRSS");

  rig.clear_faults();
  rig.drain();
  const Json delivery = rig.status()["delivery"];
  EXPECT_EQ(delivery["delivered"], upserts);
  EXPECT_EQ(delivery["coalesced"], upserts - kObjects);
  EXPECT_EQ(delivery["requests"], 1);
  const Json objects = rig.sim("/sim/state")["objects"];
  ASSERT_EQ(objects.size(), kObjects);
  for (const Json& object : objects) {
    const std::string id = object["id"];
    const std::size_t last = upserts - kObjects + std::strtoul(id.c_str() + 2, nullptr, 10);
    EXPECT_EQ(object["properties"]["at"], last) << id;
  }
  std::cout << "month: " << upserts << " upserts, database " << file_kib() << " KiB, log "
            << log_kib << " KiB, resident " << resident << " KiB, requests of the drain "
            << delivery["requests"] << "\n";
}

}  // namespace
}  // namespace flowmyna::test
