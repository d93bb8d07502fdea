// What the API refuses for good: found with few requests, kept whole, and decided on by a person.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kEvent = "/api/public/v1/event";
constexpr const char* kLetters = "/agent/v1/dead-letters";
constexpr const char* kRefuseOrders =
    R"([{"fault":"reject_items","match":{"type":"Order"},"reason":"no orders today"}])";

class DeadLetters : public testing::Test {
 protected:
  /// Where nothing at all is taken, nothing would die but after the time that an item is tried for.
  static constexpr const char* kAtOnce = "delivery.dead_letter_after = \"0s\"\n";

  void SetUp() override { rig.start_agent(kAtOnce); }

  void order(const std::string& id, const std::string& properties) {
    post(kUpsert, R"({"type":"Order","id":")" + id + R"(","properties":)" + properties + "}");
  }
  void event(const std::string& name, const std::string& order_id) {
    post(kEvent,
         R"({"event":")" + name + R"(","objects":[{"type":"Order","id":")" + order_id + R"("}]})");
  }
  void post(const std::string& path, const std::string& body) {
    const auto reply = rig.post(path, body);
    ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
  }

  /// Everything accepted by `write` is planned together.
  template <class Write>
  void together(Write write) {
    post("/agent/v1/pause", "");
    write();
    post("/agent/v1/resume", "");
    rig.drain();
  }

  Json get(const std::string& path) {
    const auto reply = rig.get(path);
    EXPECT_EQ(reply.status, 200) << path << reply.body << reply.error;
    return Json::parse(reply.body, nullptr, false);
  }
  Json letters() { return get(kLetters)["dead_letters"]; }
  std::string letter_path(int id) { return std::string(kLetters) + "/" + std::to_string(id); }
  std::string state_of(int receipt) {
    return get("/agent/v1/receipts/" + std::to_string(receipt))["state"];
  }
  Json drop(int id) {
    const auto reply = rig.connect()->request("DELETE", letter_path(id), nullptr);
    EXPECT_EQ(reply.status, 200) << reply.body << reply.error;
    return Json::parse(reply.body, nullptr, false);
  }

  /// What a person did with the agent's file while it was stopped.
  void damage(const std::string& sql) {
    sqlite3* connection = nullptr;
    sqlite3_open(rig.outbox_file().c_str(), &connection);
    EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(connection);
  }

  /// Runs flowmynactl; its exit code, and what it printed in `printed`.
  int ctl(std::vector<std::string> arguments) {
    const std::string log = rig.directory() + "/ctl.log";
    std::remove(log.c_str());
    std::vector<std::string> command = {FLOWMYNACTL, "--socket", rig.socket(), "dead-letters"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    ChildProcess process(command, {}, log);
    const int code = process.wait();
    printed = process.log();
    return code;
  }

  void expect_sums() {
    const Json status = rig.status();
    EXPECT_EQ(status["delivery"]["accepted"], status["delivery"]["delivered"].get<int>() +
                                                  status["outbox"]["dead_letters"].get<int>() +
                                                  status["delivery"]["dropped"].get<int>() +
                                                  status["outbox"]["pending"].get<int>());
  }

  Rig rig;
  std::string printed;
};

TEST_F(DeadLetters, OneBadItemAmongAHundredIsFoundWithFewRequestsAndTheRestIsDelivered) {
  rig.set_faults(R"([{"fault":"reject_items","match":{"id":"bad"},"reason":"no such id"}])");
  together([&] {
    for (int i = 0; i < 100; ++i) order(i == 61 ? "bad" : std::to_string(i), R"({"n":1})");
  });
  int requests = 0;
  int items = 0;
  const Json log = rig.sim("/sim/requests");
  for (const Json& request : log["requests"]) {
    if (!request["path"].get<std::string>().ends_with("/object/batch")) continue;
    ++requests;
    items = std::max(items, request["items"].get<int>());
  }
  std::printf("one bad item among %d: %d requests\n", items, requests);
  EXPECT_EQ(items, 100);
  EXPECT_LE(requests, 15);  // the whole, and two halves on each of the 7 levels
  EXPECT_EQ(rig.sim("/sim/counts")["objects"], 99);
  const Json status = rig.status();
  EXPECT_EQ(status["delivery"]["delivered"], 99);
  EXPECT_EQ(status["outbox"]["dead_letters"], 1);
  const Json dead = letters();
  ASSERT_EQ(dead.size(), 1);
  EXPECT_EQ(dead[0]["id"], 62);
  EXPECT_EQ(dead[0]["kind"], "upsert");
  EXPECT_EQ(dead[0]["status"], 422);
  EXPECT_NE(dead[0]["reason"].get<std::string>().find("no such id"), std::string::npos);
  EXPECT_EQ(dead[0]["attempts"], 1);
  EXPECT_EQ(dead[0]["item"]["id"], "bad");
}

TEST_F(DeadLetters, EachOperationOfARefusedMergedUpsertIsOneAsItWasWritten) {
  rig.set_faults(kRefuseOrders);
  together([&] {
    order("1", R"({"total":5420.00,"gone":1})");
    order("1", R"({"gone":null})");
    order("1", R"({"big":12345678901234567890123})");
  });
  const Json dead = letters();
  ASSERT_EQ(dead.size(), 3);
  const std::vector<std::string> written = {R"({"total":5420.00,"gone":1})", R"({"gone":null})",
                                            R"({"big":12345678901234567890123})"};
  for (int id = 1; id <= 3; ++id) {
    const auto index = static_cast<std::size_t>(id - 1);
    EXPECT_EQ(dead[index]["id"], id);
    EXPECT_EQ(dead[index]["receipts"], 1);
    const std::string whole = rig.get(letter_path(id)).body;
    for (const std::string& part :
         {R"("item":{"type":"Order","id":"1","properties":)" + written[index] + "}",
          R"("receipt":)" + std::to_string(id) + R"(,"kind":"upsert","accepted_at":")",
          R"("properties":)" + written[index] + "}]"}) {
      EXPECT_NE(whole.find(part), std::string::npos) << part << "\n" << whole;
    }
  }
  const Json receipt = get("/agent/v1/receipts/3");
  EXPECT_EQ(receipt["state"], "dead");
  EXPECT_EQ(receipt["dead_letter"], 3);
  EXPECT_EQ(receipt["status"], 422);
  EXPECT_NE(receipt["reason"].get<std::string>().find("no orders today"), std::string::npos);
  for (const char* unknown : {"/4", "/0", "/x", "/18446744073709551615"}) {
    EXPECT_EQ(rig.get(kLetters + std::string(unknown)).status, 404) << unknown;
  }
  EXPECT_EQ(rig.get(kLetters + std::string("?limit=0")).status, 422);
  EXPECT_EQ(rig.get(kLetters + std::string("/1/retry")).status, 405);
}

TEST_F(DeadLetters, WhatIsRetriedOnceTheApiIsMendedIsDeliveredAlsoAfterAKill) {
  rig.set_faults(kRefuseOrders);
  together([&] { order("1", R"({"a":1,"b":1})"); });
  rig.kill_agent();
  rig.start_agent(kAtOnce);
  EXPECT_EQ(state_of(1), "dead");
  rig.clear_faults();
  order("1", R"({"a":2})");
  rig.drain();
  post("/agent/v1/pause", "");
  EXPECT_EQ(rig.post(letter_path(1) + "/retry", "").body,
            R"({"dead_letters":1,"operations":1,"damaged":[]})");
  EXPECT_EQ(state_of(1), "pending");
  EXPECT_EQ(rig.status()["outbox"]["pending"], 1);
  EXPECT_EQ(rig.status()["outbox"]["dead_letters"], 0);
  rig.kill_agent();
  rig.start_agent(kAtOnce);
  rig.drain();
  EXPECT_EQ(state_of(1), "delivered");
  // It comes after what was delivered meanwhile.
  const Json object = rig.sim("/sim/state?type=Order&id=1")["objects"][0];
  EXPECT_EQ(object["properties"], Json({{"a", 1}, {"b", 1}}));
  const auto again = rig.post(letter_path(1) + "/retry", "");
  EXPECT_EQ(again.status, 404);
  EXPECT_NE(again.body.find("operation 1 is delivered"), std::string::npos) << again.body;
  expect_sums();
}

TEST_F(DeadLetters, TwoLettersOfOneObjectWithAnEventBetweenAreRetriedInTheirOrder) {
  rig.set_faults(R"([{"fault":"reject_items","match":{"type":"Order"}},
                     {"fault":"reject_items","match":{"event":"Paid"}}])");
  order("1", R"({"v":1})");
  rig.drain();
  event("Paid", "1");
  rig.drain();
  order("1", R"({"v":2})");
  rig.drain();
  ASSERT_EQ(letters().size(), 3);
  rig.clear_faults();
  ASSERT_EQ(ctl({"retry", "--all"}), 0) << printed;
  EXPECT_EQ(printed, "retried 3 dead letters: 3 operations pending again\n");
  rig.drain();
  const Json state = rig.sim("/sim/state");
  ASSERT_EQ(state["events"].size(), 1);
  EXPECT_EQ(state["events"][0]["objects"][0]["found"]["v"], 1);
  EXPECT_EQ(state["objects"][0]["properties"]["v"], 2);
  expect_sums();
  ASSERT_EQ(ctl({}), 0);
  EXPECT_EQ(printed, "there are no dead letters\n");
}

TEST_F(DeadLetters, WhatIsDroppedIsShownOnceAndStaysVisible) {
  rig.set_faults(kRefuseOrders);
  together([&] {
    order("1", R"({"v":1.50})");
    order("1", R"({"w":2})");
    order("2", "{}");
  });
  EXPECT_EQ(drop(1)["operations"][0]["properties"]["v"], 1.5);
  EXPECT_EQ(drop(2)["operations"][0]["properties"]["w"], 2);
  EXPECT_EQ(rig.connect()->request("DELETE", letter_path(1), nullptr).status, 404);
  rig.kill_agent();
  rig.start_agent(kAtOnce);
  EXPECT_EQ(get("/agent/v1/receipts/2"), Json({{"receipt", 2}, {"state", "dropped"}}));
  EXPECT_EQ(state_of(3), "dead");
  EXPECT_EQ(rig.status()["delivery"]["dropped"], 2);
  EXPECT_EQ(rig.status()["outbox"]["dead_letters"], 1);
  EXPECT_NE(rig.get("/metrics").body.find("flowmyna_agent_dropped_total 2"), std::string::npos);
  expect_sums();
}

TEST_F(DeadLetters, AnExportIsWholeAndReplacesNothing) {
  rig.set_faults(kRefuseOrders);
  together([&] {
    order("1", "{\"nested\":{\n\"v\":5420.00}}");
    order("2", "{}");
  });
  const std::string file = rig.directory() + "/letters.ndjson";
  ASSERT_EQ(ctl({"export", file}), 0) << printed;
  EXPECT_EQ(printed, "wrote 2 dead letters to " + file + "\n");
  std::ifstream in(file);
  std::string first;
  std::string second;
  ASSERT_TRUE(std::getline(in, first) && std::getline(in, second));
  EXPECT_EQ(Json::parse(first)["operations"][0]["receipt"], 1);
  EXPECT_NE(first.find("5420.00"), std::string::npos);
  EXPECT_EQ(Json::parse(second)["item"]["id"], "2");
  EXPECT_EQ(ctl({"export", file}), 1);
  EXPECT_NE(printed.find("--force"), std::string::npos) << printed;
  EXPECT_EQ(ctl({"drop", "1"}), 0);
  EXPECT_NE(printed.find(R"("v":5420.00)"), std::string::npos) << printed;
  EXPECT_EQ(ctl({"export", "--force", file}), 0);
  EXPECT_EQ(printed, "wrote 1 dead letter to " + file + "\n");
}

TEST_F(DeadLetters, ADamagedOneIsReportedAndKeepsNobodyElse) {
  rig.set_faults(kRefuseOrders);
  together([&] {
    order("1", "{}");
    order("2", "{}");
  });
  rig.stop_agent();
  damage("UPDATE dead SET row = row || X'00' WHERE seq = 1");
  rig.clear_faults();
  rig.start_agent(kAtOnce);
  const Json dead = letters();
  ASSERT_EQ(dead.size(), 2);
  EXPECT_EQ(dead[0]["kind"], nullptr);
  EXPECT_EQ(get(letter_path(1))["operations"], Json({{{"receipt", 1}, {"damaged", true}}}));
  EXPECT_EQ(rig.post(letter_path(1) + "/retry", "").status, 409);
  EXPECT_EQ(rig.post(std::string(kLetters) + "/retry", "").body,
            R"({"dead_letters":1,"operations":1,"damaged":[1]})");
  rig.drain();
  EXPECT_EQ(state_of(2), "delivered");
  drop(1);
  EXPECT_EQ(state_of(1), "dropped");
  expect_sums();
}

}  // namespace
}  // namespace flowmyna::test
