// What receipts tell of operations that were folded on disk while the API could not be reached.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr const char* kLetters = "/agent/v1/dead-letters";

class Receipts : public testing::Test {
 protected:
  static constexpr int kObjects = 12;
  static constexpr int kBad = 3;
  static constexpr int kOperations = 6000;
  static constexpr const char* kAtOnce = "delivery.dead_letter_after = \"0s\"\n";

  /// Objects that take turns, of which the API will refuse one; most of it is folded on disk.
  void write_while_unreachable() {
    rig.set_faults(R"([{"fault":"refused"}])");
    rig.start_agent(kAtOnce);
    std::string lines;
    for (int i = 0; i < kOperations; ++i) {
      lines += R"({"type":"T","id":"o)" + std::to_string(i % kObjects) + R"(","properties":{"n":)" +
               std::to_string(i) + "}}\n";
    }
    const auto reply =
        rig.post("/api/public/v1/object/batch", lines, {"Content-Type: application/x-ndjson"});
    ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
    rig.wait_until("most of it is folded", [&] {
      const Json pending = Json::parse(rig.get("/agent/v1/pending?type=T&id=o0&limit=1000").body);
      return pending.at("pending").size() < kOperations / kObjects / 2;
    });
    rig.replace_faults(R"([{"fault":"reject_items","match":{"id":"o)" + std::to_string(kBad) +
                       R"("},"reason":"no"}])");
    rig.post("/agent/v1/flush", "");
    rig.drain();
  }

  /// How many receipts do not tell what became of their object.
  int wrong(const std::string& of_the_bad_one) {
    const auto connection = rig.connect();
    int count = 0;
    for (int receipt = 1; receipt <= kOperations; ++receipt) {
      const bool is_bad = (receipt - 1) % kObjects == kBad;
      const auto reply = connection->get("/agent/v1/receipts/" + std::to_string(receipt));
      const Json body = Json::parse(reply.body);
      if (body["state"] != (is_bad ? of_the_bad_one : "delivered")) ++count;
      const bool is_dead = body["state"] == "dead";
      if (is_dead && (!body.contains("dead_letter") || !body.contains("reason"))) ++count;
    }
    return count;
  }

  Rig rig;
};

TEST_F(Receipts, WhatTheApiHasIsDeliveredWhateverBecameOfTheObjectsBesideIt) {
  write_while_unreachable();
  EXPECT_EQ(rig.sim("/sim/counts")["objects"], kObjects - 1);
  EXPECT_EQ(wrong("dead"), 0);
  rig.kill_agent();
  rig.start_agent(kAtOnce);
  EXPECT_EQ(wrong("dead"), 0) << "after a restart";
  const Json letters = Json::parse(rig.get(kLetters).body)["dead_letters"];
  for (const Json& letter : letters) {
    const std::string path = std::string(kLetters) + "/" + letter["id"].dump();
    EXPECT_EQ(rig.connect()->request("DELETE", path, nullptr).status, 200);
  }
  EXPECT_EQ(wrong("dropped"), 0);
  EXPECT_EQ(rig.status()["delivery"]["dropped"], kOperations / kObjects);
}

}  // namespace
}  // namespace flowmyna::test
