// The failure table of ARCHITECTURE.md, row by row, with a real agent and the stand-in: what is
// kept, what the status says, what it costs, and that everything arrives once the fault ends. The
// rows that refuse items, and what never reaches the API, are in tests of their own.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "e2e/rig.h"
#include "e2e/wire_log.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kEvent = "/api/public/v1/event";

/// The bounds of `next_attempt_in_seconds` while the fault lasts.
struct Wait {
  double above_s;
  double up_to_s;
};

// Longer than a test takes on any machine, so that what a row costs does not depend on that: a
// person's flush tells that the fault has ended.
constexpr const char* kLongBackOff =
    "delivery.retry_initial = \"3m\"\n"
    "delivery.retry_max = \"3m\"\n";
constexpr Wait kBacksOff = {0, 180};
constexpr Wait kFiveMinutes = {180, 300};

// For the rows that end by themselves.
constexpr const char* kShortBackOff =
    "delivery.retry_initial = \"100ms\"\n"
    "delivery.retry_max = \"400ms\"\n";

struct Row {
  std::string name;
  std::string faults;  ///< rules for the stand-in, in force from before the first request on
  std::string state = "backing_off";
  std::string words;  ///< in `last_error`
  Wait wait = kBacksOff;
  bool ends_by_itself = true;  ///< delivery goes on soon after the fault, without a person
  /// What it costs in all: two failed requests, their resends, and two for what was written later.
  std::size_t object_requests_max = 3;
  std::size_t event_requests = 3;
  std::size_t duplicates_possible = 0;
  std::size_t recorded = 1;  ///< how often the API has each of the events that were in flight
  std::string settings = {};
};

// For GoogleTest, which prints the parameter beside the test's name.
void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

/// Every request is met by this one rule, as long as the fault lasts.
std::string always(const std::string& fault) {
  return "[{" + fault + "}]";
}

/// The first batch of events is applied before its answer is spoilt; all else as above.
std::string applied_once(const std::string& fault) {
  return R"([{)" + fault + R"(,"processed":true,"path":"/event/batch","count":1},{)" + fault + "}]";
}

std::string status(int code, const std::string& more = "") {
  return R"("fault":"status","status":)" + std::to_string(code) +
         R"(,"body":{"detail":"the API's own words"})" + more;
}

Row unknown_outcome(Row row) {
  row.duplicates_possible = 2;
  return row;
}

Row recorded_twice(Row row) {
  row.recorded = 2;
  return unknown_outcome(std::move(row));
}

Row until_flushed(Row row, Wait wait) {
  row.wait = wait;
  row.ends_by_itself = false;
  return row;
}

std::vector<Row> network_rows() {
  Row refused{.name = "Refused", .faults = always(R"("fault":"refused")"), .words = "onnect"};
  // Nothing was sent, so what was written later still merges with what waits.
  refused.object_requests_max = 1;
  refused.event_requests = 2;  // the last one waits for that
  Row down{.name = "ConnectionClosed", .faults = always(R"("fault":"down")"), .words = "an answer"};
  // libcurl repeats upserts by itself on a connection that it used before.
  down.object_requests_max = 4;
  Row lost{.name = "LostAnswer",
           .faults = R"([{"fault":"lost_answer","path":"/event/batch","count":1},)"
                     R"({"fault":"lost_answer","path":"/object/batch","count":1},)"
                     R"({"fault":"down"}])",
           .words = "an answer"};
  lost.object_requests_max = 4;
  Row timeout{.name = "AnswerTimeout",
              .faults = always(R"("fault":"hang")"),
              .words = "timed out",
              .settings = "api.request_timeout = \"700ms\"\n"};
  Row late = timeout;
  late.name = "AnswerTimeoutOfWhatWasApplied";
  late.faults = applied_once(R"("fault":"hang")");
  return {refused, unknown_outcome(down), recorded_twice(lost), unknown_outcome(timeout),
          recorded_twice(late)};
}

std::vector<Row> impostor_rows() {
  std::vector<Row> rows = {
      {.name = "Html200", .faults = always(R"("fault":"html_200")"), .words = "a captive portal"},
      unknown_outcome({.name = "Truncated200",
                       .faults = always(R"("fault":"truncated")"),
                       .words = "transfer closed"}),
      recorded_twice({.name = "Truncated200OfWhatWasApplied",
                      .faults = applied_once(R"("fault":"truncated")"),
                      .words = "transfer closed"}),
      unknown_outcome({.name = "Empty200",
                       .faults = always(R"("fault":"empty_200")"),
                       .words = "HTTP 200 that is not the API's"}),
      unknown_outcome({.name = "Garbage200",
                       .faults = always(R"("fault":"garbage")"),
                       .words = "HTTP 200 that is not the API's"}),
      recorded_twice({.name = "WrongShape200OfWhatWasApplied",
                      .faults = applied_once(R"("fault":"wrong_shape")"),
                      .words = "HTTP 200"}),
  };
  for (const int code : {301, 302, 303, 307, 308}) {
    rows.push_back({.name = "Redirect" + std::to_string(code),
                    .faults = always(status(code, R"(,"headers":{"Location":"/elsewhere"})")),
                    .words = "a redirect, which is never followed"});
  }
  return rows;
}

std::vector<Row> status_rows() {
  std::vector<Row> rows;
  for (const int code : {408, 425, 500, 503}) {
    const std::string name = std::to_string(code);
    // Whatever its words, a server that fails may have recorded what it was sent.
    rows.push_back(unknown_outcome({.name = "Status" + name,
                                    .faults = always(status(code)),
                                    .words = "HTTP " + name + ": the API's own words"}));
  }
  for (const int code : {502, 504}) {
    const std::string name = std::to_string(code);
    rows.push_back(recorded_twice({.name = "Status" + name + "OfWhatWasApplied",
                                   .faults = applied_once(status(code)),
                                   .words = "HTTP " + name}));
  }
  for (const int code : {401, 403}) {
    rows.push_back(until_flushed({.name = "Status" + std::to_string(code),
                                  .faults = always(status(code)),
                                  .state = "unauthorized",
                                  .words = "the API key is not accepted: the API's own words"},
                                 kFiveMinutes));
  }
  for (const int code : {404, 405}) {
    rows.push_back(until_flushed({.name = "Status" + std::to_string(code),
                                  .faults = always(status(code)),
                                  .state = "misconfigured",
                                  .words = "no such endpoint: check api.url"},
                                 kFiveMinutes));
  }
  return rows;
}

std::vector<Row> throttle_rows() {
  const std::vector<std::tuple<std::string, std::string, Wait>> kHeaders = {
      {"RetryAfter", R"(,"headers":{"Retry-After":"900"})", {180, 900}},
      {"Reset", R"(,"reset_in_s":900)", {180, 901}},
      {"RetryAfterHuge", R"(,"headers":{"Retry-After":"1000000000000000000"})", {900, 3600}},
      {"RetryAfterBeyondAllNumbers",
       R"(,"headers":{"Retry-After":"99999999999999999999999999"})",
       {900, 3600}},
      {"RetryAfterYearsAhead",
       R"(,"headers":{"Retry-After":"Fri, 31 Dec 9999 23:59:59 GMT"})",
       {900, 3600}},
      {"ResetHuge", R"(,"headers":{"X-RateLimit-Reset":"1000000000000000000"})", {900, 3600}},
  };
  std::vector<Row> rows;
  for (const auto& [name, headers, wait] : kHeaders) {
    rows.push_back(until_flushed({.name = "Status429" + name,
                                  .faults = always(status(429, headers)),
                                  .words = "too many requests: the API's own words"},
                                 wait));
  }
  return rows;
}

std::vector<Row> all_rows() {
  std::vector<Row> all;
  for (auto rows : {network_rows(), impostor_rows(), status_rows(), throttle_rows()}) {
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

/// Writes before and during a fault. The objects of the two parts that are in flight together share
/// nothing; what is written later depends on them.
class FailureTable : public testing::TestWithParam<Row> {
 protected:
  void upsert(const std::string& id, int n) {
    accept(kUpsert,
           R"({"type":"T","id":")" + id + R"(","properties":{"n":)" + std::to_string(n) + "}}");
  }
  void event(const std::string& name, const std::string& id) {
    accept(kEvent, R"({"event":")" + name + R"(","objects":[{"type":"T","id":")" + id + R"("}]})");
  }
  void accept(const std::string& path, const std::string& body) {
    const HttpReply reply = rig_.post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body << reply.error;
  }

  /// An agent that has delivered something, so that its gate is open; and the fault.
  void start_and_break(const Row& row, const std::string& back_off) {
    rig_.start_agent(back_off + row.settings);
    upsert("warm", 1);
    rig_.drain();
    warm_ = WireLog::read(rig_).last_number();
    rig_.post("/agent/v1/pause", "");
    upsert("a", 1);
    upsert("b", 1);
    event("E-1", "x");
    event("E-2", "y");
    rig_.set_faults(row.faults);
    rig_.post("/agent/v1/resume", "");
  }

  WireLog log() const { return WireLog::read(rig_, warm_); }

  /// Waits until the status says what it should for as long as the fault lasts.
  Json wait_for_state(const Row& row) {
    Json status;
    rig_.wait_until("the status names the fault", [&] {
      status = rig_.status();
      const Json next = status["delivery"]["next_attempt_in_seconds"];
      return status["delivery"]["state"] == row.state && next.is_number() &&
             next > row.wait.above_s && next <= row.wait.up_to_s;
    });
    return status;
  }

  Rig rig_;
  std::uint64_t warm_ = 0;
};

TEST_P(FailureTable, EverythingIsKeptAndSaidWhileItLastsAndArrivesWhenItEnds) {
  const Row& row = GetParam();
  start_and_break(row, kLongBackOff);
  const bool is_heard = row.name != "Refused";
  rig_.wait_until("both requests have failed", [&] {
    return !is_heard || (log().count("/object/batch") > 0 && log().count("/event/batch") > 0);
  });
  Json status = wait_for_state(row);
  upsert("a", 2);
  event("E-3", "a");

  // While it lasts.
  status = wait_for_state(row);
  EXPECT_NE(status["delivery"]["last_error"].dump().find(row.words), std::string::npos)
      << status["delivery"];
  EXPECT_EQ(status["outbox"]["pending"], 6);
  EXPECT_EQ(status["outbox"]["dead_letters"], 0);
  EXPECT_EQ(status["delivery"]["delivered"], 1);

  // When it ends.
  rig_.clear_faults();
  rig_.post("/agent/v1/flush", "");
  rig_.wait_until("everything is settled", [&] { return rig_.status()["outbox"]["pending"] == 0; });
  status = rig_.status();
  EXPECT_EQ(status["delivery"]["accepted"], 7);
  EXPECT_EQ(status["delivery"]["delivered"], 7);
  EXPECT_EQ(status["delivery"]["duplicates_possible"], row.duplicates_possible);
  EXPECT_EQ(status["delivery"]["last_error"], nullptr);

  // What arrived.
  std::map<std::string, std::size_t> recorded;
  const Json state = rig_.sim("/sim/state");
  for (const Json& event : state["events"]) {
    ++recorded[event["event"]];
    if (event["event"] == "E-3") {
      EXPECT_EQ(event["objects"][0]["found"], Json({{"n", 2}}));
    }
  }
  const std::map<std::string, std::size_t> expected = {
      {"E-1", row.recorded}, {"E-2", row.recorded}, {"E-3", 1}};
  EXPECT_EQ(recorded, expected);
  EXPECT_EQ(rig_.sim("/sim/state?type=T&id=a")["objects"][0]["properties"], Json({{"n", 2}}));
  EXPECT_EQ(rig_.sim("/sim/state?type=T&id=b")["objects"][0]["properties"], Json({{"n", 1}}));

  // What it cost.
  const WireLog wire = log();
  wire.expect_resends_are_equal();
  EXPECT_LE(wire.count("/object/batch"), row.object_requests_max);
  const auto events = wire.to("/event/batch");
  EXPECT_EQ(events.size(), row.event_requests);
  // The first was sent twice with its key, but perhaps after the event that was written later.
  EXPECT_EQ(std::ranges::count(events, events.at(0).key, &WireEntry::key), is_heard ? 2 : 1);
  EXPECT_LE(wire.count("/health"), 1);
  EXPECT_EQ(wire.entries().size(),
            wire.count("/object/batch") + events.size() + wire.count("/health"))
      << "requests to another address";
  std::printf("cost %s: %zu object, %zu event, %zu health requests; possibly twice: %zu\n",
              row.name.c_str(), wire.count("/object/batch"), events.size(), wire.count("/health"),
              row.duplicates_possible);
}

class PassingFailure : public FailureTable {};

TEST_P(PassingFailure, NeedsNobodyOnceItHasPassed) {
  start_and_break(GetParam(), kShortBackOff);
  rig_.wait_until("the status names the fault", [this] {
    return rig_.status()["delivery"]["last_error"].dump().find(GetParam().words) !=
           std::string::npos;
  });
  rig_.clear_faults();
  rig_.wait_until("everything is settled", [&] { return rig_.status()["outbox"]["pending"] == 0; });
  const Json delivery = rig_.status()["delivery"];
  EXPECT_EQ(delivery["delivered"], 5);
  const Json state = rig_.sim("/sim/state");
  std::set<std::string> names;
  for (const Json& event : state["events"]) names.insert(event["event"]);
  EXPECT_EQ(names, (std::set<std::string>{"E-1", "E-2"}));
  EXPECT_LE(state["events"].size(), 2 + delivery["duplicates_possible"].get<std::size_t>());
  EXPECT_EQ(state["objects"].size(), 5);  // two of them made by the events
}

TEST(FailureOfOneEndpoint, HoldsUpNothingElseAndTheStatusSaysWhyTheRestWaits) {
  Rig rig;
  rig.start_agent("delivery.retry_initial = \"10m\"\ndelivery.retry_max = \"10m\"\n");
  rig.post(kUpsert, R"({"type":"T","id":"warm"})");
  rig.drain();
  rig.post("/agent/v1/pause", "");
  rig.post(kUpsert, R"({"type":"T","id":"a"})");
  rig.post(kEvent, R"({"event":"E","objects":[{"type":"T","id":"x"}]})");
  // The objects are delivered after the events have failed, which opens the gate for all again.
  rig.set_faults("[{" + status(503) + R"(,"path":"/event/batch"},)" +
                 R"({"fault":"slow","delay_ms":300,"path":"/object/batch"}])");
  rig.post("/agent/v1/resume", "");
  Json now;
  rig.wait_until("the objects are delivered", [&] {
    now = rig.status();
    return now["delivery"]["delivered"] == 2;
  });
  rig.wait_until("the status says why the event waits", [&] {
    now = rig.status();
    return now["delivery"]["state"] == "backing_off" &&
           now["delivery"]["next_attempt_in_seconds"].is_number();
  });
  EXPECT_EQ(now["outbox"]["pending"], 1);
  EXPECT_GT(now["delivery"]["next_attempt_in_seconds"], 0);
  EXPECT_LE(now["delivery"]["next_attempt_in_seconds"], 600);
  EXPECT_EQ(now["delivery"]["last_error"], "HTTP 503: the API's own words");
  rig.clear_faults();
  rig.drain();
  EXPECT_EQ(rig.status()["delivery"]["delivered"], 3);
}

std::vector<Row> passing_rows() {
  std::vector<Row> rows = all_rows();
  std::erase_if(rows, [](const Row& row) { return !row.ends_by_itself; });
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Row, PassingFailure, testing::ValuesIn(passing_rows()),
                         [](const auto& row) { return row.param.name; });
INSTANTIATE_TEST_SUITE_P(Row, FailureTable, testing::ValuesIn(all_rows()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flowmyna::test
