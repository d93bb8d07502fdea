// The promises of the main path, with a real agent, a real socket and a real HTTP server.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kNdjson = "Content-Type: application/x-ndjson";

/// The properties of one object at the API, as JSON text with every value as it arrived.
std::string properties_at_api(const Rig& rig, const std::string& type, const std::string& id) {
  const std::string state = rig.sim_text("/sim/state?type=" + type + "&id=" + id);
  const std::string mark = "\"properties\":";
  const auto begin = state.find(mark);
  const auto end = state.rfind("}],\"events\"");
  return begin == std::string::npos ? state
                                    : state.substr(begin + mark.size(), end - begin - mark.size());
}

TEST(Delivery, TheVendorsExampleArrivesAsWritten) {
  Rig rig;
  rig.start_agent();
  const auto reply = rig.post(kUpsert, R"({
"type": "Customer",
"id": "CUST-456",
"properties": {
"name": "Jane Doe",
"email": "jane@example.com",
"tier": "gold",
"lifetime_value": 5420.00,
"signup_date": "2023-01-15"
}
})");
  EXPECT_EQ(reply.status, 200) << reply.body;
  const Json answer = Json::parse(reply.body);
  EXPECT_EQ(answer["queued"], true);
  EXPECT_EQ(answer["receipt"], 1);
  EXPECT_EQ(answer["created"], nullptr);
  EXPECT_EQ(answer["object_type"], "Customer");
  EXPECT_EQ(answer["external_id"], "CUST-456");
  rig.drain();
  EXPECT_EQ(properties_at_api(rig, "Customer", "CUST-456"),
            R"({"email":"jane@example.com","lifetime_value":5420.00,"name":"Jane Doe",)"
            R"("signup_date":"2023-01-15","tier":"gold"})");
}

TEST(Delivery, ValuesArriveAsWrittenAlsoWhenTheyAreMerged) {
  Rig rig;
  rig.start_agent("api.max_in_flight = 1\n");
  rig.post("/agent/v1/pause", "");
  rig.post(kUpsert, R"({"type":"T","id":"1","properties":{"a":12345678901234567890123,)"
                    R"("b":0.1234567890123456789,"c":1e400}})");
  rig.post(kUpsert, R"({"type":"T","id":"1","properties":{"d":-0,"e":"\u0000","":5420.00,)"
                    R"("f":{"g":[1.10,{"h":-0.0e-0}]}}})");
  rig.post("/agent/v1/resume", "");
  rig.drain();
  EXPECT_EQ(properties_at_api(rig, "T", "1"),
            R"({"":5420.00,"a":12345678901234567890123,"b":0.1234567890123456789,"c":1e400,)"
            R"("d":-0,"e":"\u0000","f":{"g":[1.10,{"h":-0.0e-0}]}})");
  EXPECT_EQ(rig.sim("/sim/counts")["items"], 1);
}

TEST(Delivery, AThousandUpsertsWhileTheApiIsDownArriveAsOneItem) {
  Rig rig;
  rig.set_faults(R"([{"fault":"refused"}])");
  rig.start_agent();
  auto connection = rig.connect();
  for (int i = 0; i < 1000; ++i) {
    const std::string value = i == 500 ? R"("gone":1)" : i == 700 ? R"("gone":null)" : R"("x":1)";
    const auto reply =
        connection->post(kUpsert, R"({"type":"Order","id":"O-1","properties":{"n":)" +
                                      std::to_string(i) + "," + value + "}}");
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  EXPECT_EQ(rig.status()["outbox"]["pending"], 1000);
  rig.clear_faults();
  rig.drain();
  EXPECT_EQ(properties_at_api(rig, "Order", "O-1"), R"({"n":999,"x":1})");
  EXPECT_EQ(rig.sim("/sim/counts")["items"], 1);
  const Json delivery = rig.status()["delivery"];
  EXPECT_EQ(delivery["accepted"], 1000);
  EXPECT_EQ(delivery["delivered"], 1000);
  EXPECT_EQ(delivery["coalesced"], 999);
}

TEST(Delivery, AnEventFindsItsObjectsAsTheyWereWhenItWasAccepted) {
  Rig rig({"--shuffle-seed", "7"});
  rig.start_agent();
  rig.post("/agent/v1/pause", "");
  auto connection = rig.connect();
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    connection->post(kUpsert, R"({"type":"Order","id":"O-1","properties":{"step":)" + n + "}}");
    connection->post("/api/public/v1/event",
                     R"({"event":"Step )" + n + R"(","objects":[{"type":"Order","id":"O-1"}]})");
  }
  rig.post("/agent/v1/resume", "");
  rig.drain();
  const Json state = rig.sim("/sim/state");
  ASSERT_EQ(state["events"].size(), 20);
  for (const Json& event : state["events"]) {
    const std::string name = event["event"];
    EXPECT_EQ("Step " + event["objects"][0]["found"]["step"].dump(), name);
  }
}

TEST(Delivery, TenThousandLinesAreOneRequestAndABadOneIsReportedByIndex) {
  Rig rig;
  rig.start_agent();
  std::string body;
  for (int i = 0; i < 10'000; ++i) {
    body += i == 4711 ? R"({"type":"Order","id":7})"
                      : R"({"type":"Order","id":"O-)" + std::to_string(i) +
                            R"(","properties":{"n":)" + std::to_string(i) + "}}";
    body += '\n';
  }
  const auto reply = rig.post("/api/public/v1/object/batch", body, {kNdjson});
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json answer = Json::parse(reply.body);
  EXPECT_EQ(answer["processed"], 9999);
  EXPECT_EQ(answer["failed"], 1);
  EXPECT_EQ(answer["errors"], Json({"index 4711: id: Input should be a valid string"}));
  EXPECT_EQ(answer["receipts"].size(), 9999);
  rig.drain();
  EXPECT_EQ(rig.sim("/sim/counts")["objects"], 9999);
}

/// Four writers, 50 upserts each; the time to each answer, in microseconds, sorted.
std::vector<std::int64_t> time_answers(const Rig& rig) {
  std::mutex mutex;
  std::vector<std::int64_t> times_us;
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      auto connection = rig.connect();
      for (int i = 0; i < 50; ++i) {
        const std::string id = std::to_string(w * 1000 + i);
        const auto begin = std::chrono::steady_clock::now();
        const auto reply = connection->post(kUpsert, R"({"type":"T","id":")" + id + "\"}");
        const auto time = std::chrono::steady_clock::now() - begin;
        EXPECT_EQ(reply.status, 200) << reply.body << reply.error;
        const std::lock_guard lock(mutex);
        times_us.push_back(std::chrono::floor<std::chrono::microseconds>(time).count());
      }
    });
  }
  for (auto& writer : writers) writer.join();
  std::ranges::sort(times_us);
  return times_us;
}

TEST(Delivery, WritersAreAnsweredWhateverTheNetworkDoes) {
  for (const std::string fault : {"", "hang", "refused", "down"}) {
    Rig rig;
    if (!fault.empty()) rig.set_faults("[{\"fault\":\"" + fault + "\"}]");
    rig.start_agent();
    const auto times_us = time_answers(rig);
    std::printf("API %s: median %lld us, 99th percentile %lld us to an answer\n",
                fault.empty() ? "up" : fault.c_str(), static_cast<long long>(times_us[100]),
                static_cast<long long>(times_us[198]));
    if (fault.empty()) continue;
    // The API has not answered one request, and will not: had a writer waited for it, it would
    // wait still.
    EXPECT_EQ(rig.status()["outbox"]["pending"], 200) << fault;
  }
}

TEST(Delivery, SigtermSettlesWhatIsInFlightAndLosesNothing) {
  Rig rig;
  rig.start_agent();
  rig.post(kUpsert, R"({"type":"T","id":"1","properties":{"n":1}})");
  EXPECT_EQ(rig.stop_agent(), 0);
  rig.start_agent();
  rig.drain();
  EXPECT_EQ(properties_at_api(rig, "T", "1"), R"({"n":1})");
  const Json delivery = rig.status()["delivery"];
  EXPECT_EQ(delivery["accepted"], delivery["delivered"]);
}

TEST(Delivery, SigtermDoesNotWaitForAnApiThatNeverAnswers) {
  Rig rig;
  rig.start_agent();
  rig.set_faults(R"([{"fault":"hang","path":"/object/batch"}])");
  rig.post(kUpsert, R"({"type":"T","id":"1","properties":{"n":1}})");
  rig.wait_until("a request is under way",
                 [&] { return rig.sim("/sim/counts")["faults_served"] > 0; });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(rig.stop_agent(), 0);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("stopped after %.1f s with a request that hangs\n", took.count());
  rig.clear_faults();
  rig.start_agent();
  rig.drain();
  EXPECT_EQ(properties_at_api(rig, "T", "1"), R"({"n":1})");
}

TEST(Delivery, AReceiptTellsWhereItsOperationIs) {
  Rig rig;
  rig.start_agent();
  rig.post("/agent/v1/pause", "");
  rig.post(kUpsert, R"({"type":"T","id":"1"})");
  EXPECT_EQ(rig.get("/agent/v1/receipts/1").body, R"({"receipt":1,"state":"pending"})");
  EXPECT_EQ(rig.get("/agent/v1/receipts/2").status, 404);
  EXPECT_EQ(rig.get("/agent/v1/receipts/x").status, 404);
  rig.post("/agent/v1/resume", "");
  rig.drain();
  EXPECT_EQ(rig.get("/agent/v1/receipts/1").body, R"({"receipt":1,"state":"delivered"})");
}

TEST(Delivery, PendingShowsWhatWaitsOldestFirstAndAsWritten) {
  Rig rig;
  rig.start_agent();
  rig.post("/agent/v1/pause", "");
  rig.post(kUpsert, R"({"type":"T","id":"1","properties":{"v":5420.00}})");
  rig.post(kUpsert, R"({"type":"U","id":"2"})");
  rig.post("/api/public/v1/event", R"({"event":"E","objects":[{"type":"T","id":"1"}]})");
  const std::string all = rig.get("/agent/v1/pending").body;
  EXPECT_NE(all.find(R"("properties":{"v":5420.00})"), std::string::npos) << all;
  const Json pending = Json::parse(all);
  ASSERT_EQ(pending["pending"].size(), 3);
  EXPECT_EQ(pending["pending"][0]["receipt"], 1);
  EXPECT_EQ(pending["more"], false);
  const Json of_one = Json::parse(rig.get("/agent/v1/pending?type=T&id=1").body);
  ASSERT_EQ(of_one["pending"].size(), 2);
  EXPECT_EQ(of_one["pending"][1]["kind"], "event");
  EXPECT_EQ(Json::parse(rig.get("/agent/v1/pending?limit=1").body)["more"], true);
  EXPECT_EQ(rig.get("/agent/v1/pending?limit=x").status, 422);
  EXPECT_EQ(rig.get("/agent/v1/pending?id=1").status, 422);
}

TEST(Delivery, HealthIsTheApisOwnAnswerAndUnknownBeforeThereIsOne) {
  Rig rig;
  rig.set_faults(R"([{"fault":"refused"}])");
  rig.start_agent();
  EXPECT_EQ(rig.get("/api/public/v1/health").status, 503);
  rig.clear_faults();
  rig.wait_until("the API was reached",
                 [&] { return rig.get("/api/public/v1/health").status == 200; });
  const Json health = Json::parse(rig.get("/api/public/v1/health").body);
  EXPECT_EQ(health["status"], "healthy");
  EXPECT_GE(health["age_seconds"], 0);
  EXPECT_EQ(health["agent"]["pending"], 0);
}

}  // namespace
}  // namespace flowmyna::test
