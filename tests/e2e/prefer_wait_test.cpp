// `Prefer: wait`: writers who wait for delivery, and the API's own words to them.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kUpserts = "/api/public/v1/object/batch";
constexpr const char* kEvent = "/api/public/v1/event";
constexpr const char* kEvents = "/api/public/v1/event/batch";

// So that what fails in a 200 is dead after its second try.
constexpr const char* kAtOnce = "delivery.dead_letter_after = \"0s\"\n";

// Longer than any test may take: only an outcome ends such a wait.
const std::vector<std::string> kPatiently = {"Prefer: wait=600"};

/// A write whose writer waits while the test goes on.
class Writer {
 public:
  Writer(const Rig& rig, const std::string& path, const std::string& body)
      : thread_([this, path, body, connection = rig.connect()] {
          reply_ = connection->post(path, body, kPatiently);
        }) {}
  ~Writer() {
    if (thread_.joinable()) thread_.join();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  const HttpReply& reply() {
    if (thread_.joinable()) thread_.join();
    return reply_;
  }
  Json json() {
    EXPECT_EQ(reply().status, 200) << reply_.body << reply_.error;
    return Json::parse(reply_.body, nullptr, false);
  }

 private:
  HttpReply reply_;
  std::thread thread_;
};

/// The API's id of each object, by "type/id".
std::map<std::string, std::string> object_ids(const Rig& rig) {
  std::map<std::string, std::string> ids;
  const Json state = rig.sim("/sim/state");
  for (const Json& object : state["objects"]) {
    ids[object["type"].get<std::string>() + "/" + object["id"].get<std::string>()] =
        object["object_id"];
  }
  return ids;
}

/// The API's id of each event, by its name.
std::map<std::string, std::string> event_ids(const Rig& rig) {
  std::map<std::string, std::string> ids;
  const Json state = rig.sim("/sim/state");
  for (const Json& event : state["events"]) ids[event["event"]] = event["event_id"];
  return ids;
}

std::string event(const std::string& name) {
  return R"({"event":")" + name + R"(","objects":[{"type":"T","id":"1"}]})";
}

void wait_for_pending(Rig& rig, int count) {
  rig.wait_until("all is accepted",
                 [&] { return rig.status()["outbox"]["pending"].get<int>() == count; });
}

/// Once it can be: not while an answer to it is on its way, or the outbox is at work on its
/// backlog.
void drop_pending(Rig& rig, int receipt) {
  const std::string path = "/agent/v1/pending/" + std::to_string(receipt);
  rig.wait_until("it is dropped",
                 [&] { return rig.connect()->request("DELETE", path, nullptr).status == 200; });
}

TEST(PreferWait, AnUpsertIsAnsweredWithTheApisOwnIdAndWhetherItMadeTheObject) {
  Rig rig;
  rig.start_agent();
  const std::string body = R"({"type":"Customer","id":"C \"1\" é","properties":{"a":1}})";
  const Json first = Json::parse(rig.post(kUpsert, body, kPatiently).body);
  const std::string id = object_ids(rig)["Customer/C \"1\" é"];
  EXPECT_EQ(first, Json({{"success", true},
                         {"object_id", id},
                         {"object_type", "Customer"},
                         {"external_id", "C \"1\" é"},
                         {"created", true},
                         {"message", "Object 'Customer/C \"1\" é' created successfully"},
                         {"queued", false},
                         {"receipt", 1}}));
  const Json second = Json::parse(rig.post(kUpsert, body, kPatiently).body);
  EXPECT_EQ(second["object_id"], id);
  EXPECT_EQ(second["created"], false);
  EXPECT_EQ(rig.get("/agent/v1/receipts/2").body, R"({"receipt":2,"state":"delivered"})");
}

TEST(PreferWait, AnEventIsAnsweredWithTheApisOwnId) {
  Rig rig;
  rig.start_agent();
  const Json answer =
      Json::parse(rig.post(kEvent,
                           R"({"event":"Made","timestamp":"2026-01-02T03:04:05Z",)"
                           R"("objects":[{"type":"T","id":"1"},{"type":"T","id":"2"}]})",
                           kPatiently)
                      .body);
  EXPECT_EQ(answer, Json({{"success", true},
                          {"event_id", event_ids(rig)["Made"]},
                          {"event_type", "Made"},
                          {"timestamp", "2026-01-02T03:04:05Z"},
                          {"objects_count", 2},
                          {"message", "Event 'Made' recorded successfully"},
                          {"queued", false},
                          {"receipt", 1}}));
}

TEST(PreferWait, NobodyWhoWaitsIsKeptForCompany) {
  Rig rig;
  rig.start_agent("delivery.linger = \"1h\"\n");
  rig.post(kUpsert, R"({"type":"T","id":"1"})");
  const Json answer = Json::parse(rig.post(kUpsert, R"({"type":"T","id":"2"})", kPatiently).body);
  EXPECT_EQ(answer["queued"], false);
  EXPECT_EQ(rig.sim("/sim/counts")["objects"], 2);
}

TEST(PreferWait, SixtyFourWritersAtOnceEachGetTheIdOfTheirOwn) {
  Rig rig({"--shuffle-seed", "11"});
  rig.start_agent();
  rig.post("/agent/v1/pause", "");
  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < 64; ++i) {
    const std::string n = std::to_string(i);
    // Every fourth one's neighbour does not wait: it must not travel with those who do.
    if (i % 4 == 0) rig.post(kEvent, event("other " + n));
    writers.push_back(std::make_unique<Writer>(
        rig, i % 2 == 0 ? kEvent : kUpsert,
        i % 2 == 0 ? event("E" + n) : R"({"type":"O","id":")" + n + "\"}"));
  }
  wait_for_pending(rig, 64 + 16);
  rig.post("/agent/v1/resume", "");
  std::vector<Json> answers;
  for (const auto& writer : writers) answers.push_back(writer->json());
  const auto objects = object_ids(rig);
  const auto events = event_ids(rig);
  for (std::size_t i = 0; i < writers.size(); ++i) {
    const Json& answer = answers[i];
    const std::string n = std::to_string(i);
    EXPECT_EQ(answer["queued"], false);
    if (i % 2 == 0) {
      EXPECT_EQ(answer["event_id"], events.at("E" + n));
    } else {
      EXPECT_EQ(answer["object_id"], objects.at("O/" + n));
      EXPECT_EQ(answer["created"], true);
    }
  }
}

TEST(PreferWait, OfMergedUpsertsTheFirstMadeTheObject) {
  Rig rig;
  rig.start_agent();
  rig.post("/agent/v1/pause", "");
  const std::string body = R"({"type":"T","id":"1"})";
  Writer first(rig, kUpsert, body);
  wait_for_pending(rig, 1);
  rig.post(kUpsert, body);
  Writer third(rig, kUpsert, body);
  wait_for_pending(rig, 3);
  rig.post("/agent/v1/resume", "");
  EXPECT_EQ(first.json()["created"], true);
  EXPECT_EQ(third.json()["created"], false);
  EXPECT_EQ(first.json()["object_id"], third.json()["object_id"]);
  EXPECT_EQ(first.json()["object_id"], object_ids(rig)["T/1"]);
  EXPECT_EQ(rig.sim("/sim/counts")["items"], 1);
}

TEST(PreferWait, AtTheDeadlineTheAnswerIsThatOfAWriterWhoDoesNotWait) {
  Rig rig;
  rig.set_faults(R"([{"fault":"hang","path":"/object/batch"}])");
  rig.start_agent();
  const auto reply = rig.post(kUpsert, R"({"type":"T","id":"1"})", {"Prefer: wait=1"});
  EXPECT_EQ(reply.status, 200);
  Json answer = Json::parse(reply.body);
  Json plain = Json::parse(rig.post(kUpsert, R"({"type":"T","id":"1"})").body);
  EXPECT_EQ(answer["receipt"], 1);
  plain["receipt"] = 1;
  EXPECT_EQ(answer, plain);
  EXPECT_EQ(answer["queued"], true);
  rig.kill_agent();
  rig.clear_faults();
  rig.start_agent();
  rig.drain();
  EXPECT_EQ(rig.sim("/sim/counts")["objects"], 1);
}

TEST(PreferWait, WhoeverWaitsForWhatAPersonDropsIsToldAtOnce) {
  Rig rig;
  rig.start_agent();
  rig.post("/agent/v1/pause", "");
  Writer writer(rig, kUpsert, R"({"type":"T","id":"1"})");
  wait_for_pending(rig, 1);
  drop_pending(rig, 1);
  EXPECT_EQ(writer.reply().status, 410);
  EXPECT_EQ(Json::parse(writer.reply().body),
            Json({{"detail", "dropped by a person before it was delivered"},
                  {"receipt", 1},
                  {"state", "dropped"}}));
  EXPECT_EQ(Json::parse(rig.get("/agent/v1/receipts/1").body)["state"], "dropped");
}

TEST(PreferWait, WhoeverWaitsForWhatFailsAndAPersonDropsIsToldAtOnce) {
  Rig rig;
  rig.set_faults(R"([{"fault":"status","status":500,"path":"/object/batch"}])");
  rig.start_agent("delivery.retry_initial = \"1h\"\ndelivery.retry_max = \"1h\"\n");
  Writer writer(rig, kUpserts, R"({"objects":[{"type":"T","id":"1"},{"type":"T","id":"2"}]})");
  rig.wait_until("it has failed", [&] { return rig.sim("/sim/counts")["faults_served"] >= 1; });
  // While the answer is on its way the operations are as well.
  for (const char* path : {"/agent/v1/pending/1", "/agent/v1/pending/2"}) {
    rig.wait_until("it is dropped",
                   [&] { return rig.connect()->request("DELETE", path, nullptr).status == 200; });
  }
  const Json answer = writer.json();
  EXPECT_EQ(answer["processed"], 0);
  EXPECT_EQ(answer["errors"], Json({"index 0: dropped by a person before it was delivered",
                                    "index 1: dropped by a person before it was delivered"}));
}

TEST(PreferWait, AnUnderstandableWaitOfNothingIsNone) {
  Rig rig;
  rig.set_faults(R"([{"fault":"hang"}])");
  rig.start_agent();
  for (const char* prefer : {"Prefer: wait=0", "Prefer: wait=soon", "Prefer: respond-async"}) {
    const auto reply = rig.post(kUpsert, R"({"type":"T","id":"1"})", {prefer});
    EXPECT_EQ(Json::parse(reply.body)["queued"], true) << prefer;
  }
}

TEST(PreferWait, ARefusalIsAnsweredInTheApisWordsWithItsStatus) {
  const std::map<std::string, int> statuses = {
      {R"("mode":"batch_422")", 422},
      {R"("mode":"batch_400")", 400},
      {R"("mode":"partial")", 422},
      {R"("mode":"partial","errors":"plain")", 422},
  };
  for (const auto& [mode, status] : statuses) {
    Rig rig;
    rig.set_faults(R"([{"fault":"reject_items","reason":"No such tier",)" + mode + "}]");
    rig.start_agent(kAtOnce);
    const auto reply = rig.post(kUpsert, R"({"type":"T","id":"1"})", kPatiently);
    EXPECT_EQ(reply.status, status) << mode << reply.body;
    const Json answer = Json::parse(reply.body);
    const std::string detail = answer["detail"];
    EXPECT_NE(detail.find("No such tier"), std::string::npos) << detail;
    EXPECT_EQ(detail.find("HTTP"), std::string::npos) << detail;
    EXPECT_EQ(answer["receipt"], 1);
    EXPECT_EQ(answer["state"], "dead");
    EXPECT_EQ(Json::parse(rig.get("/agent/v1/receipts/1").body)["state"], "dead");
  }
}

TEST(PreferWait, ABatchTellsWhatBecameOfEachItem) {
  Rig rig;
  rig.set_faults(
      R"([{"fault":"reject_items","match":{"id":"bad"},"mode":"partial","reason":"No such tier"}])");
  rig.start_agent(kAtOnce);
  const auto reply = rig.post(kUpserts,
                              R"({"objects":[{"type":"T","id":"1"},{"type":"T","id":"bad"},)"
                              R"({"type":"T","id":7},{"type":"T","id":"2"}]})",
                              kPatiently);
  ASSERT_EQ(reply.status, 200) << reply.body;
  auto ids = object_ids(rig);
  EXPECT_EQ(
      Json::parse(reply.body),
      Json({{"success", false},
            {"processed", 2},
            {"failed", 2},
            {"objects",
             {{{"object_id", ids["T/1"]},
               {"object_type", "T"},
               {"external_id", "1"},
               {"created", true}},
              {{"object_id", ids["T/2"]},
               {"object_type", "T"},
               {"external_id", "2"},
               {"created", true}}}},
            {"errors", {"index 1: No such tier", "index 2: id: Input should be a valid string"}},
            {"queued", false},
            {"receipts", {1, 2, 3}}}));
}

TEST(PreferWait, ABatchOfEventsGetsTheIdsOfItsOwnEvents) {
  Rig rig({"--shuffle-seed", "5"});
  rig.start_agent();
  rig.post("/agent/v1/pause", "");
  std::string mine;
  std::string others;
  std::set<std::string> names;
  for (int i = 0; i < 250; ++i) {
    const std::string n = std::to_string(i);
    mine += event("mine " + n) + "\n";
    others += event("other " + n) + "\n";
    names.insert("mine " + n);
  }
  rig.post(kEvents, others, {"Content-Type: application/x-ndjson"});
  auto connection = rig.connect();
  HttpReply reply;
  std::thread writer([&] {
    reply =
        connection->post(kEvents, mine, {"Content-Type: application/x-ndjson", kPatiently.front()});
  });
  wait_for_pending(rig, 500);
  rig.post("/agent/v1/resume", "");
  writer.join();
  const Json answer = Json::parse(reply.body);
  EXPECT_EQ(answer["queued"], false);
  EXPECT_EQ(answer["processed"], 250);
  std::set<std::string> expected;
  for (const auto& [name, id] : event_ids(rig)) {
    if (names.contains(name)) expected.insert(id);
  }
  EXPECT_EQ(expected.size(), 250);
  EXPECT_EQ(answer["event_ids"].get<std::set<std::string>>(), expected);
  rig.drain();
  // Three requests for 250 events of a batch: those who wait cost little more than the others.
  std::size_t requests = 0;
  const Json log = rig.sim("/sim/requests");
  for (const Json& request : log["requests"]) requests += request["path"] == "/event/batch" ? 1 : 0;
  EXPECT_LE(requests, 7U);
}

TEST(PreferWait, TenThousandItemsAreOneWait) {
  Rig rig;
  rig.start_agent();
  std::string body;
  for (int i = 0; i < 10'000; ++i) {
    body += R"({"type":"Order","id":")" + std::to_string(i) + "\"}\n";
  }
  const auto reply =
      rig.post(kUpserts, body, {"Content-Type: application/x-ndjson", kPatiently.front()});
  const Json answer = Json::parse(reply.body);
  EXPECT_EQ(answer["queued"], false);
  ASSERT_EQ(answer["objects"].size(), 10'000);
  const auto ids = object_ids(rig);
  for (const Json& object : answer["objects"]) {
    ASSERT_EQ(object["object_id"], ids.at("Order/" + object["external_id"].get<std::string>()));
  }
}

TEST(PreferWait, AnEventHeldForAPersonIsAConflict) {
  Rig rig;
  rig.set_faults(R"([{"fault":"lost_answer","path":"/event/batch"}])");
  rig.start_agent("delivery.on_unknown = \"hold\"\n");
  const auto reply = rig.post(kEvent, event("E"), kPatiently);
  EXPECT_EQ(reply.status, 409) << reply.body;
  const std::string detail = Json::parse(reply.body)["detail"];
  EXPECT_TRUE(detail.starts_with("outcome unknown: ")) << detail;
}

TEST(PreferWait, AKillLosesTheAnswerAndNotTheOperation) {
  Rig rig;
  rig.set_faults(R"([{"fault":"hang","path":"/event/batch"}])");
  rig.start_agent();
  Writer writer(rig, kEvent, event("E"));
  rig.wait_until("the request is under way", [&] {
    return rig.sim_text("/sim/requests").find("/event/batch") != std::string::npos;
  });
  rig.kill_agent();
  EXPECT_EQ(writer.reply().status, 0) << writer.reply().body;
  rig.clear_faults();
  rig.start_agent();
  rig.drain();
  EXPECT_EQ(event_ids(rig).count("E"), 1U);
}

TEST(PreferWait, SigtermAnswersThoseWhoWaitAsIfTheyDidNot) {
  Rig rig;
  rig.set_faults(R"([{"fault":"hang"}])");
  rig.start_agent();
  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < 8; ++i) {
    writers.push_back(std::make_unique<Writer>(rig, kEvent, event("E" + std::to_string(i))));
  }
  wait_for_pending(rig, 8);
  EXPECT_EQ(rig.stop_agent(), 0);
  for (const auto& writer : writers) EXPECT_EQ(writer->json()["queued"], true);
  rig.clear_faults();
  rig.start_agent();
  rig.drain();
  EXPECT_EQ(event_ids(rig).size(), 8U);
}

}  // namespace
}  // namespace flowmyna::test
