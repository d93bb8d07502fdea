#include "e2e/delivery_fixture.h"

namespace flowmyna::test {
namespace {

// The most that one listing shows.
constexpr std::size_t kListedMax = 1000;

/// What the listing of the backlog shows.
std::size_t listed_pending(Rig& rig) {
  const std::string path = "/agent/v1/pending?limit=" + std::to_string(kListedMax);
  return Json::parse(rig.get(path).body)["pending"].size();
}

/// Operations in the dead letters, which hold one each or several.
std::size_t listed_dead(Rig& rig) {
  std::size_t count = 0;
  Json page = {{"more", true}};
  for (std::size_t after = 0; page["more"];) {
    page = Json::parse(rig.get("/agent/v1/dead-letters?after=" + std::to_string(after)).body);
    for (const Json& letter : page["dead_letters"]) {
      count += letter["receipts"].get<std::size_t>();
      after = letter["id"];
    }
  }
  return count;
}

}  // namespace

/// The counters are one thing, what is there is another.
void DeliveryTest::TearDown() {
  const Fates end = fates();
  EXPECT_EQ(end.accepted, end.pending + end.delivered + end.dead + end.dropped + end.lost);
  EXPECT_EQ(listed_dead(rig_), end.dead);
  if (end.pending == 0) {
    EXPECT_EQ(listed_pending(rig_), 0);
  }
  wire().expect_resends_are_equal();
}

std::string DeliveryTest::upsert(const std::string& id, const std::string& properties) {
  return R"({"type":"T","id":")" + id + R"(","properties":)" + properties + "}";
}

std::string DeliveryTest::event(const std::string& name, const std::string& id) {
  return R"({"event":")" + name + R"(","objects":[{"type":"T","id":")" + id + R"("}]})";
}

std::vector<std::string> DeliveryTest::upserts(std::size_t count, const std::string& prefix) {
  std::vector<std::string> items;
  for (std::size_t i = 0; i < count; ++i) items.push_back(upsert(prefix + std::to_string(i)));
  return items;
}

std::vector<std::string> DeliveryTest::events(std::size_t count, const std::string& prefix) {
  std::vector<std::string> items;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = prefix + std::to_string(i);
    items.push_back(event(name, "of-" + name));
  }
  return items;
}

void DeliveryTest::write(const std::string& path, const std::vector<std::string>& items) {
  std::string lines;
  for (const std::string& item : items) lines += item + '\n';
  const HttpReply reply =
      rig_.post("/api/public/v1" + path, lines, {"Content-Type: application/x-ndjson"});
  ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
  ASSERT_EQ(Json::parse(reply.body)["processed"], items.size()) << reply.body;
}

Fates DeliveryTest::fates() {
  const Json status = rig_.status();
  const Json& outbox = status["outbox"];
  const Json& delivery = status["delivery"];
  return {delivery["accepted"],           outbox["pending"],   delivery["delivered"],
          outbox["dead_letters"],         delivery["dropped"], outbox["lost"],
          delivery["duplicates_possible"]};
}

std::size_t DeliveryTest::stuck() {
  return rig_.status()["delivery"]["stuck"]["operations"];
}

std::string DeliveryTest::state_of(std::size_t receipt) {
  return Json::parse(rig_.get("/agent/v1/receipts/" + std::to_string(receipt)).body).at("state");
}

void DeliveryTest::wait_for_delivered(std::size_t count) {
  rig_.wait_until(std::to_string(count) + " are delivered", [&] { return delivered() >= count; });
}

void DeliveryTest::wait_for_the_end() {
  rig_.wait_until("everything is settled", [&] { return fates().pending == 0; });
}

void DeliveryTest::wait_for_endpoint_state(const std::string& endpoint, const std::string& state) {
  rig_.wait_until("the endpoint's state is " + state, [&] {
    return rig_.status()["delivery"]["endpoints"][endpoint]["state"] == state;
  });
}

std::map<std::string, std::size_t> DeliveryTest::recorded() const {
  std::map<std::string, std::size_t> times;
  const Json state = rig_.sim("/sim/state");
  for (const Json& event : state["events"]) ++times[event["event"]];
  return times;
}

Json DeliveryTest::object_at_api(const std::string& id) const {
  const Json objects = rig_.sim("/sim/state?type=T&id=" + id)["objects"];
  return objects.empty() ? Json() : objects[0]["properties"];
}

std::string DeliveryTest::ctl(const std::vector<std::string>& arguments) {
  const std::string log = rig_.directory() + "/ctl.log";
  std::remove(log.c_str());
  std::vector<std::string> command = {FLOWMYNACTL, "--socket", rig_.socket()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  ChildProcess process(command, {}, log);
  EXPECT_EQ(process.wait(), 0) << process.log();
  return process.log();
}

}  // namespace flowmyna::test
