// The rows of the failure table in which the API takes a part of a request, or none for good; what
// is held for a person; and 429s that make no sense. With a real agent and the stand-in.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "e2e/rig.h"
#include "e2e/wire_log.h"

namespace flowmyna::test {
namespace {

constexpr const char* kObjects = "/object/batch";
constexpr const char* kEvents = "/event/batch";

class Refusal : public testing::Test {
 protected:
  /// An item that fails in a 200 is tried twice.
  void start(const std::string& settings = "") {
    rig_.start_agent("delivery.dead_letter_after = \"0s\"\n" + settings);
  }
  void deliver(const std::string& path, std::size_t items, const std::string& faults,
               const std::string& settings = "") {
    start(settings);
    deliver_under(faults, path, items);
  }

  /// Writes `items` objects or events, of which the one in the middle is called "bad", and has them
  /// delivered as one request under `faults`, until all are settled.
  void deliver_under(const std::string& faults, const std::string& path, std::size_t items) {
    const Json before = rig_.status()["delivery"];
    rig_.set_faults(faults);
    rig_.post("/agent/v1/pause", "");
    std::string body;
    for (std::size_t i = 0; i < items; ++i) {
      const std::string id = i == items / 2 ? "bad" : "good-" + std::to_string(i);
      const std::string object = R"({"type":"T","id":")" + id + "\"}";
      body += path == kObjects ? object : R"({"event":")" + id + R"(","objects":[)" + object + "]}";
      body += '\n';
    }
    const HttpReply reply =
        rig_.post("/api/public/v1" + path, body, {"Content-Type: application/x-ndjson"});
    ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
    rig_.post("/agent/v1/resume", "");
    rig_.wait_until("everything is settled",
                    [&] { return rig_.status()["outbox"]["pending"] == 0; });
    status_ = rig_.status();
    wire_ = WireLog::read(rig_);
    wire_.expect_resends_are_equal();
    const auto grew = [&](const char* counter) {
      return status_["delivery"][counter].get<std::size_t>() - before[counter].get<std::size_t>();
    };
    EXPECT_EQ(grew("accepted"), items);
    EXPECT_EQ(grew("delivered") + dead(), items);
    std::printf("cost: %zu requests for %zu items, %zu dead, possibly twice: %zu\n",
                wire_.count(path), items, dead(), duplicates_possible());
  }

  std::size_t dead() const { return status_["outbox"]["dead_letters"].get<std::size_t>(); }
  std::size_t duplicates_possible() const {
    return status_["delivery"]["duplicates_possible"].get<std::size_t>();
  }
  std::string state_of_bad(std::size_t items) {
    return Json::parse(rig_.get("/agent/v1/receipts/" + std::to_string(items / 2 + 1)).body)
        .at("state");
  }
  /// How many items were applied, over all requests to `path`.
  std::size_t applied(const std::string& path) const {
    std::size_t sum = 0;
    for (const WireEntry& entry : wire_.to(path)) sum += entry.applied;
    return sum;
  }

  /// How many items were sent to `path`, each as often as it was.
  std::size_t sent(const std::string& path) const {
    std::size_t sum = 0;
    for (const WireEntry& entry : wire_.to(path)) sum += entry.items;
    return sum;
  }

  Rig rig_;
  Json status_;
  WireLog wire_;
};

std::string reject_bad(const std::string& path, const std::string& more) {
  const std::string match = path == kObjects ? R"({"id":"bad"})" : R"({"event":"bad"})";
  return R"([{"fault":"reject_items","match":)" + match + "," + more + "}]";
}

struct RefusedBatch {
  const char* name;
  const char* path;
  const char* mode;
};

// For GoogleTest, which prints the parameter beside the test's name.
void PrintTo(const RefusedBatch& batch, std::ostream* out) {
  *out << batch.name;
}

class BadItem : public Refusal, public testing::WithParamInterface<RefusedBatch> {};

TEST_P(BadItem, AmongAHundredStandsAloneAfterFifteenRequestsAndTheRestIsDelivered) {
  const std::string mode = R"("mode":")" + std::string(GetParam().mode) + "\"";
  deliver(GetParam().path, 100, reject_bad(GetParam().path, mode));
  EXPECT_EQ(dead(), 1);
  EXPECT_EQ(state_of_bad(100), "dead");
  EXPECT_EQ(applied(GetParam().path), 99);      // each once
  EXPECT_LE(wire_.count(GetParam().path), 15);  // 1 + 2 * log2(100), rounded up
  EXPECT_EQ(duplicates_possible(), 0);
}

INSTANTIATE_TEST_SUITE_P(Row, BadItem,
                         testing::ValuesIn(std::vector<RefusedBatch>{
                             {"Objects400", kObjects, "batch_400"},
                             {"Objects422", kObjects, "batch_422"},
                             {"Events400", kEvents, "batch_400"},
                             {"Events422", kEvents, "batch_422"}}),
                         [](const auto& batch) { return std::string(batch.param.name); });

TEST_F(Refusal, ABatchThatIsTooLargeForTheApiIsHalvedUntilItFits) {
  deliver(kEvents, 64, R"([{"fault":"max_body","bytes":2400}])");
  EXPECT_EQ(dead(), 0);
  EXPECT_EQ(applied(kEvents), 64);
  EXPECT_EQ(wire_.count(kEvents), 7);  // one, two, and four of 16 events
  EXPECT_EQ(duplicates_possible(), 0);
}

TEST_F(Refusal, AnObjectThatFailsInCompanyGoesOnceMoreAloneWhateverTheErrorsSay) {
  deliver(kObjects, 100, reject_bad(kObjects, R"("mode":"partial","errors":"plain")"));
  EXPECT_EQ(dead(), 1);
  EXPECT_EQ(state_of_bad(100), "dead");
  EXPECT_EQ(applied(kObjects), 99);
  EXPECT_EQ(wire_.count(kObjects), 2);
}

TEST_F(Refusal, AnEventThatAnErrorNamesGoesOnceMoreAloneOnceItIsKnownFromWhatTheApiCounts) {
  start();
  // The list of the objects says which of them failed, and so what its position means.
  rig_.set_faults(
      R"([{"fault":"reject_items","mode":"partial","match":{"id":"b"},"count_each":1}])");
  rig_.post("/agent/v1/pause", "");
  rig_.post("/api/public/v1/object/batch",
            R"({"objects":[{"type":"T","id":"a"},{"type":"T","id":"b"}]})");
  rig_.post("/agent/v1/resume", "");
  rig_.drain();

  deliver_under(reject_bad(kEvents, R"("mode":"partial","errors":"indexed")"), kEvents, 100);
  EXPECT_EQ(dead(), 1);
  EXPECT_EQ(state_of_bad(100 + 4), "dead");  // behind the two objects
  EXPECT_EQ(applied(kEvents), 99);
  EXPECT_EQ(wire_.count(kEvents), 2);
  EXPECT_EQ(duplicates_possible(), 0);
}

TEST_F(Refusal, EventsOfWhichAnUnnamedOneFailedGoOnceMoreEachAloneAndAreCounted) {
  deliver(kEvents, 10, reject_bad(kEvents, R"("mode":"partial","errors":"plain")"));
  EXPECT_EQ(dead(), 1);
  EXPECT_EQ(state_of_bad(10), "dead");
  EXPECT_EQ(applied(kEvents), 18);       // nine, and those nine again
  EXPECT_EQ(wire_.count(kEvents), 12);   // the bad one is tried twice
  EXPECT_EQ(duplicates_possible(), 11);  // each that was sent again, as often as it was
}

TEST_F(Refusal, EventsOfWhichAnUnnamedOneFailedAreHeldIfThatIsWanted) {
  deliver(kEvents, 10, reject_bad(kEvents, R"("mode":"partial","errors":"plain")"),
          "delivery.on_unknown = \"hold\"\n");
  // One went first, to see whether the API takes events.
  EXPECT_EQ(dead(), 9);
  EXPECT_EQ(applied(kEvents), 1 + 8);
  EXPECT_EQ(wire_.count(kEvents), 2);
  EXPECT_EQ(duplicates_possible(), 9);
}

/// Every way in which the outcome of events can be unknown.
class Held : public Refusal, public testing::WithParamInterface<const char*> {};

TEST_P(Held, EventsWhoseAnswerWasLostAreNeverSentAgainButUpsertsAre) {
  const std::string fault = GetParam();
  const auto once = [&](const char* path) {
    return "{" + fault + R"(,"path":")" + path + R"(","count":1})";
  };
  deliver(kEvents, 4, "[" + once(kEvents) + "," + once(kObjects) + "]",
          "delivery.on_unknown = \"hold\"\napi.request_timeout = \"2s\"\n");
  // One went first, to see whether the API takes events.
  EXPECT_EQ(dead(), 1);
  EXPECT_EQ(wire_.count(kEvents), 3);
  EXPECT_LE(sent(kEvents), 4);  // not where the stand-in hung up before it read
  EXPECT_EQ(duplicates_possible(), 1);

  rig_.post("/api/public/v1/object/upsert", R"({"type":"T","id":"o","properties":{"n":1}})");
  rig_.wait_until("everything is settled", [&] { return rig_.status()["outbox"]["pending"] == 0; });
  status_ = rig_.status();
  EXPECT_EQ(dead(), 1);
  EXPECT_EQ(duplicates_possible(), 1);
  EXPECT_EQ(rig_.sim("/sim/state?type=T&id=o")["objects"][0]["properties"]["n"], 1);
  EXPECT_GE(WireLog::read(rig_).count(kObjects), 2);
}

INSTANTIATE_TEST_SUITE_P(Row, Held,
                         testing::Values(R"("fault":"lost_answer")",
                                         R"("fault":"truncated","processed":true)",
                                         R"("fault":"down")", R"("fault":"hang","processed":true)",
                                         R"("fault":"empty_200","processed":true)",
                                         R"("fault":"wrong_shape","processed":true)",
                                         R"("fault":"status","status":502)"),
                         [](const auto& fault) {
                           std::string name = fault.param;
                           std::erase_if(name, [](char c) {
                             return !std::isalnum(static_cast<unsigned char>(c));
                           });
                           return name;
                         });

TEST_F(Refusal, AKillWhileEventsAreUnderWayHoldsThemToo) {
  const std::string hold = "delivery.on_unknown = \"hold\"\n";
  rig_.start_agent(hold);
  rig_.set_faults(R"([{"fault":"hang","processed":true,"path":"/event/batch"}])");
  rig_.post("/api/public/v1/event", R"({"event":"E","objects":[{"type":"T","id":"a"}]})");
  rig_.wait_until("it is under way", [&] { return WireLog::read(rig_).count(kEvents) == 1; });
  rig_.kill_agent();
  rig_.clear_faults();
  rig_.start_agent(hold);
  rig_.drain();
  status_ = rig_.status();
  EXPECT_EQ(dead(), 1);
  EXPECT_EQ(duplicates_possible(), 1);
  EXPECT_EQ(WireLog::read(rig_).count(kEvents), 1);
}

/// What a 429 may say that makes no sense.
class SenselessThrottle : public Refusal, public testing::WithParamInterface<const char*> {};

TEST_P(SenselessThrottle, IsWaitedOutForASecond) {
  deliver(kEvents, 3,
          R"([{"fault":"status","status":429,"path":"/event/batch","count":1,"headers":{)" +
              std::string(GetParam()) + "}}]");
  const auto events = wire_.to(kEvents);
  ASSERT_EQ(events.size(), 2);
  // The stand-in writes milliseconds, on the wall clock.
  EXPECT_GE(events[1].unix_ms - events[0].unix_ms, 950);
  EXPECT_EQ(events[0].key, events[1].key);
  EXPECT_EQ(duplicates_possible(), 0);
}

INSTANTIATE_TEST_SUITE_P(Row, SenselessThrottle,
                         testing::Values(R"()", R"("Retry-After":"")", R"("Retry-After":"0")",
                                         R"("Retry-After":"-5")", R"("Retry-After":"soon")",
                                         R"("X-RateLimit-Reset":"-1000000000000000000")",
                                         R"("Retry-After":"Thu, 01 Jan 1970 00:00:00 GMT")"),
                         [](const auto& headers) {
                           return "Headers" + std::to_string(headers.index);
                         });

}  // namespace
}  // namespace flowmyna::test
