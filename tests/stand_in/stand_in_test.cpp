#include <algorithm>
#include <thread>

#include "stand_in/fixture.h"

namespace flowmyna::stand_in {
namespace {

TEST_F(SimTest, AnUpsertCreatesThenMergesPropertyByProperty) {
  const auto created = json_of(post("/object/upsert", kOneUpsert));
  EXPECT_EQ(created["success"], true);
  EXPECT_EQ(created["created"], true);
  EXPECT_EQ(created["object_type"], "Order");
  EXPECT_EQ(created["external_id"], "O-1");
  EXPECT_EQ(created["message"], "Object 'Order/O-1' created successfully");
  const auto updated = json_of(
      post("/object/upsert", R"({"type":"Order","id":"O-1","properties":{"m":{"x":1},"a":2}})"));
  EXPECT_EQ(updated["created"], false);
  EXPECT_EQ(updated["object_id"], created["object_id"]);
  post("/object/upsert", R"({"type":"Order","id":"O-1","properties":{"m":{"y":1}}})");
  EXPECT_EQ(properties("Order", "O-1"), R"({"a":2,"m":{"y":1},"n":1})");
}

TEST_F(SimTest, ANullRemovesAPropertyAndOnlyThat) {
  post("/object/upsert", R"({"type":"T","id":"1","properties":{"a":1,"b":2}})");
  post("/object/upsert", R"({"type":"T","id":"1","properties":{"a":null,"never":null}})");
  EXPECT_EQ(properties("T", "1"), R"({"b":2})");
}

TEST_F(SimTest, OfTwoFieldsWithOneNameTheLastWins) {
  post("/object/upsert", R"({"type":"X","id":"1","type":"T","properties":{"z":1},)"
                         R"("properties":{"a":1,"\u0061":2,"b":null,"b":3,"c":3,"c":null}})");
  EXPECT_EQ(properties("T", "1"), R"({"a":2,"b":3})");
  post("/object/upsert", R"({"type":"T","id":"1","properties":{"a":null,"a":4,"b":5,"b":null}})");
  EXPECT_EQ(properties("T", "1"), R"({"a":4})");
}

TEST_F(SimTest, ValuesAreKeptByteForByte) {
  const std::string values =
      R"({"":"","a":5420.00,"b":12345678901234567890123,"c":0.1234567890123456789,"d":1e400,)"
      R"("e":-0,"f":"\u0000","g":[ 1.50 , {"x" : -1E+2, "x":"\ud83d\ude00"} ],"h":"\/é","i":true,)"
      R"("j":{},"k":[]})";
  const auto result =
      post("/object/upsert", R"({"type":"T","id":"1","properties":)" + values + "}");
  ASSERT_EQ(status_of(result), 200) << result->body;
  EXPECT_EQ(properties("T", "1"), values);
}

TEST_F(SimTest, WhitespaceAroundAValueIsNotPartOfIt) {
  post("/object/upsert",
       "{ \"type\" : \"T\" , \"id\":\"1\",\"properties\" : { \"a\" :\t1.0 \n, \"b\": [ ] } }\r\n");
  EXPECT_EQ(properties("T", "1"), R"({"a":1.0,"b":[ ]})");
}

TEST_F(SimTest, AnObjectWithThousandsOfPropertiesIsMergedInOrder) {
  std::string written;
  std::string sorted;
  for (int i = 9999; i >= 1000; --i) {
    written += (written.empty() ? "\"" : ",\"") + std::to_string(i) + "\":1";
  }
  for (int i = 1000; i <= 9999; ++i) {
    sorted += (sorted.empty() ? "\"" : ",\"") + std::to_string(i) + "\":" + (i == 5000 ? "2" : "1");
  }
  post("/object/upsert", R"({"type":"T","id":"1","properties":{)" + written + "}}");
  post("/object/upsert", R"({"type":"T","id":"1","properties":{"5000":2}})");
  EXPECT_EQ(properties("T", "1"), "{" + sorted + "}");
}

TEST_F(SimTest, ABatchAnswersForEveryItemInTheOrderOfTheRequest) {
  const auto answer = json_of(post("/object/batch", kTwoUpserts));
  EXPECT_EQ(answer["success"], true);
  EXPECT_EQ(answer["processed"], 2);
  EXPECT_EQ(answer["failed"], 0);
  EXPECT_EQ(answer["errors"], Json::array());
  ASSERT_EQ(answer["objects"].size(), 2U);
  EXPECT_EQ(answer["objects"][1]["external_id"], "O-2");
  EXPECT_EQ(answer["objects"][1]["object_type"], "Order");
  EXPECT_NE(answer["objects"][0]["object_id"], answer["objects"][1]["object_id"]);
}

TEST_F(SimTest, AnEventCreatesItsObjectsAndIsRecordedEachTimeItIsSent) {
  const std::string event =
      R"({"event":"Packed","timestamp":"2025-01-31T12:00:00Z","properties":{"by":"Ann"},)"
      R"("objects":[{"type":"Order","id":"O-1","properties":{"s":1},"qualifier":"main"}]})";
  const auto answer = json_of(post("/event", event));
  EXPECT_EQ(answer["success"], true);
  EXPECT_EQ(answer["event_type"], "Packed");
  EXPECT_EQ(answer["timestamp"], "2025-01-31T12:00:00Z");
  EXPECT_EQ(answer["objects_count"], 1);
  EXPECT_EQ(answer["event_id"].get<std::string>().size(), 36U);
  post("/event", event);
  EXPECT_EQ(events().size(), 2U);
  EXPECT_EQ(events()[0]["objects"][0]["qualifier"], "main");
  EXPECT_EQ(properties("Order", "O-1").substr(0, 7), R"({"s":1})");
  EXPECT_EQ(json_of(post("/event/batch", kTwoEvents))["event_ids"].size(), 2U);
}

TEST_F(SimTest, AnEventWithoutTimestampGetsTheServersTime) {
  const auto answer = json_of(post("/event", R"({"event":"E","objects":[{"type":"T","id":"1"}]})"));
  EXPECT_EQ(answer["timestamp"].get<std::string>().size(),
            std::string("2025-01-31T12:00:00.000Z").size());
}

TEST_F(SimTest, EveryEventRecordsTheStateInWhichItFoundItsObjects) {
  const std::string event =
      R"({"event":"E","objects":[{"type":"T","id":"1","properties":{"n":2}},{"type":"T","id":"2"}]})";
  post("/object/upsert", R"({"type":"T","id":"1","properties":{"n":1.0,"k":true}})");
  post("/event", event, {{"Idempotency-Key", "key-1"}});
  post("/object/upsert", R"({"type":"T","id":"2","properties":{"late":1}})");
  post("/event", event);
  const auto seen = events();
  EXPECT_EQ(seen[0]["objects"][0]["found"], Json::parse(R"({"n":1.0,"k":true})"));
  EXPECT_EQ(seen[0]["objects"][0]["properties"], Json::parse(R"({"n":2})"));
  EXPECT_EQ(seen[0]["objects"][1]["found"], Json::object());
  EXPECT_EQ(seen[0]["objects"][1]["existed"], false);
  EXPECT_EQ(seen[0]["key"], "key-1");
  EXPECT_EQ(seen[1]["objects"][0]["found"], Json::parse(R"({"n":2,"k":true})"));
  EXPECT_EQ(seen[1]["objects"][1]["found"], Json::parse(R"({"late":1})"));
  EXPECT_EQ(seen[1]["key"], nullptr);
}

TEST_F(SimTest, WithoutHistoryEventsAreAppliedAndCountedOnly) {
  SimulatorOptions options;
  options.keep_history = false;
  start(options);
  post("/event", R"({"event":"E","objects":[{"type":"T","id":"1","properties":{"n":2}}]})");
  EXPECT_EQ(events().size(), 0U);
  EXPECT_EQ(counts()["events"], 1);
  EXPECT_EQ(properties("T", "1"), R"({"n":2})");
}

TEST_F(SimTest, AKeyIsNeededInEitherHeader) {
  httplib::Client bare("127.0.0.1", sim_->port());
  const auto health = [&bare](const httplib::Headers& headers) {
    const auto result = bare.Get(std::string(kApiPath) + "/health", headers);
    return result ? result->status : 0;
  };
  const std::string key(kDemoKey);
  EXPECT_EQ(health({{"Authorization", "Bearer " + key}}), 200);
  EXPECT_EQ(health({{"X-FlowMyna-Api-Key", key}}), 200);
  EXPECT_EQ(health({}), 401);
  EXPECT_EQ(health({{"Authorization", key}}), 401);
  EXPECT_EQ(health({{"Authorization", "Bearer " + key + "x"}}), 401);
  EXPECT_EQ(health({{"X-FlowMyna-Api-Key", "fm_live_unknown0unknown0unknown0unknown0"}}), 401);
  EXPECT_EQ(bare.Get(std::string(kApiPath) + "/health")->body,
            R"({"detail":"Invalid or missing API key"})");
}

TEST_F(SimTest, HealthNamesTheWorkspace) {
  const auto health = json_of(get(std::string(kApiPath) + "/health"));
  for (const char* field :
       {"workspace_id", "workspace_name", "dataset_id", "dataset_name", "api_key_name"}) {
    EXPECT_TRUE(health[field].is_string()) << field;
  }
  EXPECT_EQ(health["status"], "healthy");
}

TEST_F(SimTest, UnknownPathsAndMethodsAreRefused) {
  EXPECT_EQ(get(std::string(kApiPath) + "/objects")->body, R"({"detail":"Not Found"})");
  EXPECT_EQ(get("/health")->status, 404);
  EXPECT_EQ(get(std::string(kApiPath) + "/event")->status, 405);
}

TEST_F(SimTest, TheRateLimitCountsDownAndAnswers429) {
  SimulatorOptions options;
  options.rate_limit = 2;
  start(options);
  EXPECT_EQ(post("/object/upsert", kOneUpsert)->get_header_value("X-RateLimit-Remaining"), "1");
  post("/object/upsert", kOneUpsert);
  const auto refused = post("/object/upsert", kOneUpsert);
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->get_header_value("X-RateLimit-Limit"), "2");
  EXPECT_EQ(refused->get_header_value("X-RateLimit-Remaining"), "0");
  EXPECT_GT(std::stoll(refused->get_header_value("X-RateLimit-Reset")), 1'700'000'000);
  EXPECT_EQ(counts()["items"], 2);
}

TEST_F(SimTest, ShufflingAppliesABatchInAnotherOrderButAnswersInTheRequests) {
  SimulatorOptions options;
  options.shuffle_seed = 7;
  start(options);
  std::string items;
  for (int i = 0; i < 50; ++i) {
    items += (i == 0 ? "" : ",") + std::string(R"({"event":")") + std::to_string(i) +
             R"(","objects":[{"type":"T","id":"1"}]})";
  }
  const auto answer = json_of(post("/event/batch", "{\"events\":[" + items + "]}"));
  std::vector<int> applied;
  for (const auto& event : events()) {
    const int item = std::stoi(event["event"].get<std::string>());
    applied.push_back(item);
    EXPECT_EQ(answer["event_ids"][static_cast<std::size_t>(item)], event["event_id"]);
  }
  EXPECT_FALSE(std::is_sorted(applied.begin(), applied.end()));
  std::sort(applied.begin(), applied.end());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(applied[static_cast<std::size_t>(i)], i);
}

TEST_F(SimTest, TheLogTellsWhatBecameOfEachRequest) {
  SimulatorOptions options;
  options.log_bodies = true;
  options.log_limit = 2;
  start(options);
  post("/object/upsert", kOneUpsert);
  post("/object/batch", kTwoUpserts, {{"Idempotency-Key", "k"}});
  post("/object/upsert", "{}");
  const auto shown = Json::parse(sim_->requests());
  EXPECT_EQ(shown["dropped"], 1);
  ASSERT_EQ(shown["requests"].size(), 2U);
  const auto& batch_entry = shown["requests"][0];
  EXPECT_EQ(batch_entry["n"], 2);
  EXPECT_EQ(batch_entry["path"], "/api/public/v1/object/batch");
  EXPECT_EQ(batch_entry["key"], "k");
  EXPECT_EQ(batch_entry["items"], 2);
  EXPECT_EQ(batch_entry["processed"], true);
  EXPECT_EQ(batch_entry["body"], kTwoUpserts);
  EXPECT_EQ(shown["requests"][1]["status"], 422);
  EXPECT_EQ(shown["requests"][1]["processed"], false);
  EXPECT_EQ(Json::parse(sim_->requests(2))["requests"].size(), 1U);
}

TEST_F(SimTest, TheAdminRoutesAreServedOnBothListenersAndNeedNoKey) {
  post("/object/upsert", kOneUpsert);
  for (const int port : {int{sim_->port()}, int{sim_->admin_port()}}) {
    httplib::Client bare("127.0.0.1", port);
    EXPECT_EQ(bare.Get("/sim/state")->body, sim_->state());
    EXPECT_EQ(bare.Get("/sim/state?type=Order&id=none")->body, R"({"objects":[],"events":[]})");
    EXPECT_EQ(Json::parse(bare.Get("/sim/counts")->body)["objects"], 1);
    EXPECT_EQ(Json::parse(bare.Get("/sim/requests?since=1")->body)["requests"].size(), 0U);
    EXPECT_EQ(bare.Get("/sim/requests?since=x")->status, 422);
    EXPECT_EQ(bare.Get("/sim/nothing")->status, 404);
  }
  client_->Post("/sim/reset");
  EXPECT_EQ(counts()["requests"], 0);
  EXPECT_EQ(counts()["objects"], 0);
}

TEST_F(SimTest, TheAdminCanListenOnAUnixSocket) {
  SimulatorOptions options;
  options.admin = testing::TempDir() + "sim_test_admin_" + std::to_string(::getpid()) + ".sock";
  start(options);
  httplib::Client admin(options.admin);
  admin.set_address_family(AF_UNIX);
  const auto result = admin.Get("/sim/counts");
  ASSERT_TRUE(result) << httplib::to_string(result.error());
  EXPECT_EQ(result->body, sim_->counts());
  sim_.reset();
  EXPECT_NE(::access(options.admin.c_str(), F_OK), 0) << "the socket was left behind";
}

TEST_F(SimTest, LatencyHoldsManyAnswersBackSideBySide) {
  SimulatorOptions options;
  options.latency = std::chrono::milliseconds(200);
  start(options);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> clients;
  clients.reserve(20);
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([this] {
      httplib::Client client("127.0.0.1", sim_->port());
      client.Get(std::string(kApiPath) + "/health");
    });
  }
  for (std::thread& client : clients) client.join();
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, std::chrono::milliseconds(200));
  EXPECT_LT(took, std::chrono::milliseconds(20 * 200)) << "answers waited for each other";
}

TEST(Simulator, ATakenPortAndAMalformedKeyAreErrorsThatSayWhatToDo) {
  SimulatorOptions options;
  options.keys = {"fm_live_short"};
  const auto bad_key = Simulator::start(options);
  ASSERT_FALSE(bad_key);
  EXPECT_NE(bad_key.error().message.find("fm_live_ and 32"), std::string::npos);

  const auto first = Simulator::start({});
  ASSERT_TRUE(first);
  options = {};
  options.port = (*first)->port();
  const auto second = Simulator::start(options);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("choose another port"), std::string::npos);
}

TEST(Simulator, ItCanBeStartedAgainOnThePortOfOneThatEndedWithOpenConnections) {
  SimulatorOptions options;
  for (int round = 0; round < 3; ++round) {
    auto sim = Simulator::start(options);
    ASSERT_TRUE(sim) << sim.error().message;
    options.port = (*sim)->port();
    httplib::Client client("127.0.0.1", options.port);
    client.set_keep_alive(true);
    EXPECT_TRUE(client.Get("/sim/counts"));
    sim->reset();
  }
}

}  // namespace
}  // namespace flowmyna::stand_in
