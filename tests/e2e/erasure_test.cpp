// What was delivered is overwritten: of a real agent that has nothing to do, no file of the outbox
// holds a byte of it.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMarker = "secret-of-a-customer";

/// How often it stands in the files of the outbox, whatever they are called.
std::size_t found(const Rig& rig) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(rig.outbox_file()).parent_path())) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    for (auto at = bytes.find(kMarker); at != bytes.npos; at = bytes.find(kMarker, at + 1)) ++count;
  }
  return count;
}

void write(Rig& rig, std::size_t operations) {
  std::string lines;
  for (std::size_t i = 0; i < operations; ++i) {
    lines += R"({"type":"Order","id":"O-)" + std::to_string(i) + R"(","properties":{"note":")" +
             std::string(kMarker) + ' ' + std::to_string(i) + "\"}}\n";
  }
  const auto reply =
      rig.post("/api/public/v1/object/batch", lines, {"Content-Type: application/x-ndjson"});
  ASSERT_EQ(reply.status, 200) << reply.body;
}

TEST(Erasure, OnceIdleNoFileHoldsWhatWasDelivered) {
  Rig rig;
  rig.start_agent();
  write(rig, 2000);
  ASSERT_GT(found(rig), 0U);
  rig.drain();
  rig.wait_until("nothing of it is there", [&] { return found(rig) == 0; });
  // Nor after a crash in which it was under way.
  write(rig, 500);
  rig.kill_agent();
  ASSERT_GT(found(rig), 0U);
  rig.start_agent();
  rig.drain();
  rig.wait_until("nothing of it is there", [&] { return found(rig) == 0; });
  EXPECT_EQ(rig.sim("/sim/state")["objects"].size(), 2000U);
}

TEST(Erasure, AfterAStopNeither) {
  Rig rig;
  rig.start_agent();
  write(rig, 500);
  rig.drain();
  EXPECT_EQ(rig.stop_agent(), 0);
  EXPECT_EQ(found(rig), 0U);
}

}  // namespace
}  // namespace flowmyna::test
