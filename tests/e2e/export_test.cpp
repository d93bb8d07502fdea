// A backlog moves from one device to another: two real agents, one API.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "e2e/rig.h"
#include "e2e/workload.h"

namespace flowmyna::test {
namespace {

constexpr const char* kUpsert = "/api/public/v1/object/upsert";
constexpr const char* kEvent = "/api/public/v1/event";
constexpr const char* kEvents = "/api/public/v1/event/batch";
constexpr const char* kApiIsDown = R"([{"fault":"refused"}])";

class Export : public testing::Test {
 protected:
  void SetUp() override {
    here.start_agent();
    there.set_api_url(here.api_url());
    there.start_agent();
  }

  static void post(Rig& rig, const std::string& path, const std::string& body,
                   const std::vector<std::string>& headers = {}) {
    const auto reply = rig.post(path, body, headers);
    ASSERT_EQ(reply.status, 200) << reply.body << reply.error;
  }
  static void pause(Rig& rig) { post(rig, "/agent/v1/pause", ""); }

  std::vector<std::string> command(Rig& rig, std::vector<std::string> arguments) {
    std::vector<std::string> out = {FLOWMYNACTL, "--socket", rig.socket()};
    out.insert(out.end(), arguments.begin(), arguments.end());
    return out;
  }
  /// Runs flowmynactl; its exit code, and what it printed in `printed`.
  int ctl(Rig& rig, const std::vector<std::string>& arguments) {
    const std::string log = here.directory() + "/ctl.log";
    std::filesystem::remove(log);
    ChildProcess process(command(rig, arguments), {}, log);
    const int code = process.wait();
    printed = process.log();
    return code;
  }

  /// Queues so many events of one order, named E1, E2, ….
  void queue_events(int count) {
    for (int n = 0; n < count;) {
      std::string lines;
      for (const int end = std::min(n + 5000, count); n < end; ++n) {
        lines += R"({"event":"E)" + std::to_string(n + 1) +
                 R"(","objects":[{"type":"Order","id":"1"}]})" + '\n';
      }
      post(here, kEvents, lines, {"Content-Type: application/x-ndjson"});
    }
  }
  void expect_each_event_once(int count) {
    std::map<std::string, int> times;
    const Json state = here.sim("/sim/state");
    for (const Json& event : state["events"]) ++times[event["event"].get<std::string>()];
    EXPECT_EQ(times.size(), static_cast<std::size_t>(count));
    for (const auto& [name, n] : times) EXPECT_EQ(n, 1) << name;
  }
  std::string text_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }

  Rig here;  // its stand-in is the API of both
  Rig there;
  const std::string file = here.directory() + "/backlog.ndjson";
  std::string printed;
};

TEST_F(Export, TheApiEndsAsIfTheOtherDeviceHadAcceptedEverythingAndNothingIsSentTwice) {
  Workload workload(7);
  pause(here);
  for (int i = 0; i < 400; ++i) {
    const Step step = workload.next();
    post(here, step.path, step.body);
    workload.accepted(step);
  }
  ASSERT_EQ(ctl(here, {"export", "--move", file}), 0) << printed;
  EXPECT_NE(printed.find("wrote 400 pending operations and 0 dead letters"), std::string::npos)
      << printed;
  EXPECT_NE(printed.find("dropped 400 pending operations"), std::string::npos) << printed;
  EXPECT_EQ(here.status()["outbox"]["pending"], 0);
  EXPECT_EQ(here.status()["delivery"]["dropped"], 400);
  here.kill_agent();  // and it delivers again
  here.start_agent();
  ASSERT_EQ(ctl(there, {"import", file}), 0) << printed;
  EXPECT_NE(printed.find("imported 400 pending operations"), std::string::npos) << printed;
  there.drain();
  here.drain();
  workload.compare(here.sim("/sim/state"), 0);
  EXPECT_EQ(there.status()["delivery"]["duplicates_possible"], 0);
  ASSERT_EQ(ctl(there, {"import", file}), 0);
  EXPECT_NE(printed.find("imported before"), std::string::npos) << printed;
  there.drain();
  workload.compare(here.sim("/sim/state"), 0);
}

TEST_F(Export, ValuesKeepTheirDigitsAndEventsTheTimeOfTheirAcceptance) {
  pause(here);
  post(
      here, kUpsert,
      R"({"type":"Order","id":"1","properties":{"a":5420.00,"b":12345678901234567890123,"c":0.1234567890123456789}})");
  post(here, kEvent, R"({"event":"Paid","objects":[{"type":"Order","id":"1"}]})");
  const Json pending = Json::parse(here.get("/agent/v1/pending").body);
  const std::string accepted_at = pending["pending"][1]["timestamp"];
  ASSERT_EQ(ctl(here, {"export", file}), 0) << printed;
  EXPECT_NE(printed.find("still holds them"), std::string::npos) << printed;
  ASSERT_EQ(ctl(there, {"import", file}), 0) << printed;
  there.drain();
  const std::string state = here.sim_text("/sim/state");
  for (const char* digits : {"5420.00", "12345678901234567890123", "0.1234567890123456789"}) {
    EXPECT_NE(state.find(digits), std::string::npos) << digits;
  }
  EXPECT_EQ(Json::parse(state)["events"][0]["timestamp"], accepted_at);
  // It arrived: now it may go from here.
  ASSERT_EQ(ctl(here, {"export", "--drop", file}), 0) << printed;
  EXPECT_NE(printed.find("dropped 2 pending operations"), std::string::npos) << printed;
  EXPECT_EQ(here.status()["outbox"]["pending"], 0);
}

TEST_F(Export, DeadLettersAreDeadOnTheOtherSideWithTheApisReasonAndCanBeRetriedThere) {
  here.set_faults(R"([{"fault":"reject_items","match":{"type":"Order"},"reason":"no orders"}])");
  post(here, kUpsert, R"({"type":"Order","id":"1","properties":{"v":1.50}})");
  here.drain();
  pause(here);
  post(here, kUpsert, R"({"type":"Item","id":"2"})");
  ASSERT_EQ(ctl(here, {"export", "--move", file}), 0) << printed;
  EXPECT_EQ(here.status()["outbox"]["dead_letters"], 0);
  pause(there);
  ASSERT_EQ(ctl(there, {"import", file}), 0) << printed;
  EXPECT_NE(printed.find("imported 1 pending operations and 1 dead letters"), std::string::npos)
      << printed;
  const std::string letters = there.get("/agent/v1/dead-letters").body;
  EXPECT_NE(letters.find("no orders"), std::string::npos) << letters;
  EXPECT_NE(letters.find("1.50"), std::string::npos) << letters;
  EXPECT_EQ(Json::parse(letters)["dead_letters"][0]["status"], 422);
  here.clear_faults();
  post(there, "/agent/v1/dead-letters/retry", "");
  post(there, "/agent/v1/resume", "");
  there.drain();
  EXPECT_EQ(here.sim("/sim/counts")["objects"], 2);
}

TEST_F(Export, IsRefusedWhileDeliveryGoesOnAndReplacesNoFile) {
  EXPECT_EQ(ctl(here, {"export", file}), 1);
  EXPECT_NE(printed.find("`flowmynactl pause` first"), std::string::npos) << printed;
  EXPECT_FALSE(std::filesystem::exists(file));
  pause(here);
  EXPECT_EQ(ctl(here, {"export", file}), 0) << printed;
  EXPECT_EQ(ctl(here, {"export", file}), 1);
  EXPECT_NE(printed.find("--force replaces it"), std::string::npos) << printed;
  EXPECT_EQ(ctl(here, {"export", "--move", "-"}), 2) << printed;
}

TEST_F(Export, EndsWhenDeliveryIsResumed) {
  pause(here);
  const auto begun = here.post("/agent/v1/exports", "");
  ASSERT_EQ(begun.status, 200) << begun.body;
  const std::string path =
      "/agent/v1/exports/" + Json::parse(begun.body)["export"].get<std::string>();
  EXPECT_EQ(here.get(path).status, 200);
  EXPECT_EQ(here.get("/agent/v1/exports/another").status, 409);
  EXPECT_EQ(here.post(path + "/drop", "{}").status, 422);
  post(here, "/agent/v1/resume", "");
  pause(here);
  EXPECT_EQ(here.get(path).status, 409);
  EXPECT_EQ(here.post(path + "/drop", R"({"receipts":[1]})").status, 409);
}

TEST_F(Export, AnExportThatIsNotWholeImportsNothing) {
  pause(here);
  queue_events(10);
  ASSERT_EQ(ctl(here, {"export", file}), 0) << printed;
  const std::string whole = text_of(file);
  std::ofstream(file, std::ios::trunc) << whole.substr(0, whole.size() / 2);
  EXPECT_EQ(ctl(there, {"import", file}), 1);
  EXPECT_NE(printed.find("it was cut short"), std::string::npos) << printed;
  std::string damaged = whole;
  damaged[damaged.find("\"E5\"") + 2] = '6';
  std::ofstream(file, std::ios::trunc) << damaged;
  EXPECT_EQ(ctl(there, {"import", file}), 1);
  EXPECT_NE(printed.find("it is damaged"), std::string::npos) << printed;
  EXPECT_EQ(there.status()["delivery"]["accepted"], 0);
}

TEST_F(Export, AnImportThatIsKilledOnEitherSideGoesOnWhereItWas) {
  constexpr int kCount = 20'000;
  pause(here);
  pause(there);
  queue_events(kCount);
  ASSERT_EQ(ctl(here, {"export", "--move", file}), 0) << printed;
  const auto accepted = [this] { return there.status()["delivery"]["accepted"].get<int>(); };
  int before = 0;
  for (const bool kills_agent : {false, true}) {
    ChildProcess import(command(there, {"import", file}), {}, here.directory() + "/import.log");
    there.wait_until("some of it has arrived",
                     [&] { return accepted() > before || !import.is_running(); });
    if (kills_agent) {
      there.kill_agent();
    } else {
      import.signal(SIGKILL);
    }
    import.wait();
    if (kills_agent) there.start_agent();
    pause(there);
    before = accepted();
    std::printf("%d of %d have arrived\n", before, kCount);
  }
  ASSERT_EQ(ctl(there, {"import", file}), 0) << printed;
  EXPECT_EQ(accepted(), kCount);
  post(there, "/agent/v1/resume", "");
  there.drain();
  expect_each_event_once(kCount);
}

TEST_F(Export, AMoveThatIsKilledIsFinishedWithDropAndNothingIsSentTwice) {
  constexpr int kCount = 20'000;
  pause(here);
  queue_events(kCount);
  {
    ChildProcess move(command(here, {"export", "--move", file}), {},
                      here.directory() + "/move.log");
    here.wait_until("some of it is dropped", [&] {
      return here.status()["delivery"]["dropped"].get<int>() > 0 || !move.is_running();
    });
    move.signal(SIGKILL);
    move.wait();
  }
  std::printf("%s were dropped before the kill\n",
              here.status()["delivery"]["dropped"].dump().c_str());
  queue_events(1);  // E1 once more, which is not in the file
  ASSERT_EQ(ctl(here, {"export", "--drop", file}), 0) << printed;
  EXPECT_NE(printed.find("still holds 1 pending operations"), std::string::npos) << printed;
  EXPECT_EQ(here.status()["outbox"]["pending"], 1);
  ASSERT_EQ(ctl(there, {"import", file}), 0) << printed;
  there.drain();
  expect_each_event_once(kCount);
}

TEST_F(Export, WhatBecameMoreThanTheFileHoldsIsNotDropped) {
  pause(here);
  post(here, kUpsert, R"({"type":"Order","id":"1","properties":{"a":1}})");
  ASSERT_EQ(ctl(here, {"export", file}), 0) << printed;
  // While nothing can leave, these are folded into the one that was exported.
  std::string lines;
  for (int i = 0; i < 5000; ++i) {
    lines += R"({"type":"Order","id":"1","properties":{"b":)" + std::to_string(i) + "}}\n";
  }
  here.kill_agent();  // which ends the export's hold of the backlog
  here.set_faults(kApiIsDown);
  here.start_agent();
  post(here, "/api/public/v1/object/batch", lines, {"Content-Type: application/x-ndjson"});
  here.wait_until("the backlog is folded", [this] {
    return Json::parse(here.get("/agent/v1/pending").body)["pending"].size() < 100;
  });
  pause(here);
  ASSERT_EQ(ctl(here, {"export", "--drop", file}), 0) << printed;
  EXPECT_NE(printed.find("dropped 0 pending"), std::string::npos) << printed;
  here.clear_faults();
  post(here, "/agent/v1/resume", "");
  here.drain();
  const Json object = here.sim("/sim/state?type=Order&id=1")["objects"][0];
  EXPECT_EQ(object["properties"]["b"], 4999);
}

TEST_F(Export, NothingIsFoldedIntoWhatIsBeingExported) {
  pause(here);
  post(here, kUpsert, R"({"type":"Order","id":"1","properties":{"a":1}})");
  const Json begun = Json::parse(here.post("/agent/v1/exports", "").body);
  const std::string path = "/agent/v1/exports/" + begun["export"].get<std::string>();
  std::string lines;
  for (int i = 0; i < 5000; ++i) {
    lines += R"({"type":"Order","id":"1","properties":{"b":)" + std::to_string(i) + "}}\n";
  }
  post(here, "/api/public/v1/object/batch", lines, {"Content-Type: application/x-ndjson"});
  for (int i = 0; i < 20; ++i) here.status();  // and the agent has had its chance
  EXPECT_EQ(here.get(path).body.find("\"b\""), std::string::npos);
  EXPECT_EQ(here.post(path + "/drop", R"({"receipts":[1,2]})").body, R"({"dropped":1})");
  post(here, "/agent/v1/resume", "");
  here.drain();
  const Json object = here.sim("/sim/state?type=Order&id=1")["objects"][0];
  EXPECT_EQ(object["properties"], Json({{"b", 4999}}));
}

TEST_F(Export, ASecondExportOfTheSameDeviceIsNotImportedByMistake) {
  pause(here);
  queue_events(3);
  ASSERT_EQ(ctl(here, {"export", file}), 0) << printed;
  const std::string second = here.directory() + "/second.ndjson";
  ASSERT_EQ(ctl(here, {"export", second}), 0) << printed;
  ASSERT_EQ(ctl(there, {"import", file}), 0) << printed;
  EXPECT_EQ(ctl(there, {"import", second}), 1);
  EXPECT_NE(printed.find("a second time"), std::string::npos) << printed;
  EXPECT_EQ(there.status()["delivery"]["accepted"], 3);
}

/// One event whose request was answered, but the answer was lost; delivery is paused then.
class ExportOfUnknownOutcome : public Export {
 protected:
  void lose_an_answer_and_export() {
    here.set_faults(R"([{"fault":"lost_answer","path":"/event/batch"}])");
    post(here, kEvent, R"({"event":"Paid","objects":[{"type":"Order","id":"1"}]})");
    here.wait_until("the event is at the API", [this] { return recorded() > 0; });
    pause(here);
    ASSERT_EQ(ctl(here, {"export", "--move", file}), 0) << printed;
    EXPECT_NE(text_of(file).find("\"maybe_sent\":\""), std::string::npos) << text_of(file);
    before = recorded();
    here.clear_faults();
    post(here, "/agent/v1/resume", "");
    here.drain();
    EXPECT_EQ(here.status()["delivery"]["dropped"], 1);
    EXPECT_EQ(recorded(), before);
  }
  int recorded() { return here.sim("/sim/counts")["events"]; }

  int before = 0;  ///< how often it was recorded when it was exported
};

TEST_F(ExportOfUnknownOutcome, IsSentAgainAndCounted) {
  lose_an_answer_and_export();
  ASSERT_EQ(ctl(there, {"import", file}), 0) << printed;
  EXPECT_NE(printed.find("1 of the events may have been sent"), std::string::npos) << printed;
  there.drain();
  EXPECT_EQ(recorded(), before + 1);
  EXPECT_EQ(there.status()["delivery"]["duplicates_possible"], 1);
}

TEST_F(ExportOfUnknownOutcome, WaitsForAPersonWhereThatIsConfigured) {
  lose_an_answer_and_export();
  there.stop_agent();
  there.start_agent("delivery.on_unknown = \"hold\"\n");
  ASSERT_EQ(ctl(there, {"import", file}), 0) << printed;
  there.drain();
  EXPECT_EQ(recorded(), before);
  const std::string letters = there.get("/agent/v1/dead-letters").body;
  EXPECT_NE(letters.find("outcome unknown"), std::string::npos) << letters;
  EXPECT_NE(letters.find("Idempotency-Key"), std::string::npos) << letters;
}

TEST_F(Export, ThroughPipesItIsCheckedAllTheSame) {
  pause(here);
  queue_events(3);
  const std::string pipe = std::string(FLOWMYNACTL) + " --socket " + here.socket() +
                           " export - | " + FLOWMYNACTL + " --socket " + there.socket() +
                           " import -";
  ChildProcess piped({"/bin/sh", "-c", pipe}, {}, here.directory() + "/pipe.log");
  EXPECT_EQ(piped.wait(), 0) << piped.log();
  EXPECT_NE(piped.log().find("imported 3 pending operations"), std::string::npos) << piped.log();
  const std::string cut = std::string(FLOWMYNACTL) + " --socket " + here.socket() +
                          " export - | head -c 300 | " + FLOWMYNACTL + " --socket " +
                          there.socket() + " import -";
  ChildProcess broken({"/bin/sh", "-c", cut}, {}, here.directory() + "/cut.log");
  EXPECT_EQ(broken.wait(), 1) << broken.log();
  EXPECT_NE(broken.log().find("standard input was not imported"), std::string::npos)
      << broken.log();
  EXPECT_EQ(there.status()["delivery"]["accepted"], 3);
}

}  // namespace
}  // namespace flowmyna::test
