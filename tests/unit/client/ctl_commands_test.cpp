#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "agent/ctl/commands.h"
#include "unit/client/fake_agent.h"

namespace flowmyna::ctl {
namespace {

using test::FakeAgent;
using test::http;
using test::Step;
using Kind = test::Step::Kind;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

/// Runs one command line as main does.
Outcome run(const FakeAgent& agent, void (*define)(CLI::App&, Session&),
            const std::string& command_line) {
  Session session;
  session.socket_path = agent.socket_path();
  CLI::App app;
  define(app, session);
  app.parse(command_line);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = session.run();
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

/// A file with the given text, removed at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    const int fd = ::mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    ::close(fd);
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/flowmyna-import-XXXXXX";
};

TEST(ReceiptCommand, TellsEachFateAndGoesOnBehindOneThatIsNone) {
  FakeAgent agent(
      {{Kind::kAnswer, http(R"({"receipt":7,"state":"delivered"})")},
       {Kind::kAnswer, http(R"({"detail":"no operation has receipt 99"})", "404 Not Found")},
       {Kind::kAnswer,
        http(R"({"receipt":8,"state":"dead","dead_letter":3,"reason":"no","status":422})")},
       {Kind::kAnswer, http(R"({"receipt":9,"state":"unknown","reason":"it may be lost"})")}});
  const auto [code, out, err] = run(agent, define_receipt, "receipt 7 99 8 9");
  EXPECT_EQ(code, kExitFailed);
  EXPECT_NE(out.find("7  delivered\n"), std::string::npos) << out;
  EXPECT_NE(out.find("8  dead, HTTP 422: no (dead letter 3)\n"), std::string::npos) << out;
  EXPECT_NE(out.find("9  unknown: it may be lost\n"), std::string::npos) << out;
  EXPECT_NE(err.find("no operation has receipt 99"), std::string::npos) << err;
}

TEST(ImportCommand, KeepsBytesAndOrderAndNamesRefusedLines) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"receipts":[1],"errors":["index 1: id: missing"]})")},
                   {Kind::kAnswer, http(R"({"receipts":[2],"errors":[]})")},
                   {Kind::kAnswer, http(R"({"receipts":[3],"errors":[]})")}});
  const TemporaryFile file(
      "{\"type\":\"A\",\"id\":\"1\",\"properties\":{\"v\":1.00}}\n"
      "\n"
      "nonsense\n"
      "{\"type\":\"A\"}\n"
      "{\"event\":\"E\",\"objects\":[{\"type\":\"A\",\"id\":\"1\"}]}\n"
      "{\"type\":\"A\",\"id\":\"1\",\"properties\":{\"v\":1e400}}");
  const auto outcome = run(agent, define_import, "import " + file.path());
  EXPECT_EQ(outcome.code, kExitFailed);
  EXPECT_EQ(outcome.out, "queued 2 objects and 1 events, refused 2 lines\n");
  EXPECT_NE(outcome.err.find(file.path() + ":3: not a JSON object\n"), std::string::npos);
  EXPECT_NE(outcome.err.find(file.path() + ":4: id: missing\n"), std::string::npos);
  EXPECT_EQ(agent.bodies(),
            (std::vector<std::string>{
                "{\"type\":\"A\",\"id\":\"1\",\"properties\":{\"v\":1.00}}\n{\"type\":\"A\"}\n",
                "{\"event\":\"E\",\"objects\":[{\"type\":\"A\",\"id\":\"1\"}]}\n",
                "{\"type\":\"A\",\"id\":\"1\",\"properties\":{\"v\":1e400}}\n"}));
  EXPECT_NE(agent.requests().at(1).find("POST /api/public/v1/event/batch "), std::string::npos);
  EXPECT_NE(agent.requests().at(1).find("application/x-ndjson"), std::string::npos);
}

TEST(ImportCommand, StopsWhereTheAgentStopsTakingAndSaysHowToGoOn) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"receipts":[1],"errors":[]})")},
                   {Kind::kAnswer, http(R"({"detail":"outbox full"})", "507 Insufficient Storage",
                                        "Retry-After: 30\r\n")}});
  const TemporaryFile file(
      "{\"type\":\"A\",\"id\":\"1\"}\n"
      "{\"event\":\"E\",\"objects\":[]}\n"
      "{\"type\":\"A\",\"id\":\"2\"}\n");
  const auto outcome = run(agent, define_import, "import " + file.path());
  EXPECT_EQ(outcome.code, kExitFailed);
  EXPECT_EQ(outcome.out, "queued 1 objects and 0 events\n");
  EXPECT_NE(outcome.err.find("try again in 30 s"), std::string::npos);
  EXPECT_NE(outcome.err.find("lines 2 to 2 were not accepted"), std::string::npos);
  EXPECT_NE(outcome.err.find("tail -n +2 "), std::string::npos);
  EXPECT_EQ(agent.requests().size(), 2U);
}

TEST(FlushCommand, WaitEndsWhenNothingIsPending) {
  const auto status = [](int pending, const std::string& state) {
    return http("{\"outbox\":{\"pending\":" + std::to_string(pending) +
                "},\"delivery\":{\"state\":\"" + state + "\"}}");
  };
  FakeAgent agent({{Kind::kAnswer, http(R"({"pending":2})")},
                   {Kind::kAnswer, status(2, "delivering")},
                   {Kind::kAnswer, status(0, "idle")},
                   {Kind::kAnswer, http(R"({"pending":2})")},
                   {Kind::kAnswer, status(2, "paused")}});
  EXPECT_EQ(run(agent, define_flush, "flush --wait").code, kExitOk);
  const auto paused = run(agent, define_flush, "flush --wait");
  EXPECT_EQ(paused.code, kExitFailed);
  EXPECT_NE(paused.err.find("flowmynactl resume"), std::string::npos);
}

TEST(StatusCommand, JsonIsTheAnswerAsItIs) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"anything": 1.00})")}});
  EXPECT_EQ(run(agent, define_status, "status --json").out, "{\"anything\": 1.00}\n");
}

TEST(PendingCommand, PassesItsFiltersEncoded) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"pending":[],"more":false})")}});
  EXPECT_EQ(run(agent, define_pending, "pending --type 'A B' --id x&y --limit 5").code, kExitOk);
  EXPECT_TRUE(agent.requests().at(0).starts_with(
      "GET /agent/v1/pending?limit=5&type=A%20B&id=x%26y HTTP/1.1\r\n"));
}

TEST(PendingCommand, AsksForWhatIsStuckWithItsFilters) {
  const std::string none = http(R"({"pending":[],"more":false})");
  FakeAgent agent({{Kind::kAnswer, none}, {Kind::kAnswer, none}, {Kind::kAnswer, none}});
  EXPECT_EQ(run(agent, define_pending, "pending --stuck").out, "nothing is stuck\n");
  EXPECT_EQ(run(agent, define_pending, "pending --stuck --type A --limit 5 --json").out,
            "{\"pending\":[],\"more\":false}\n");
  EXPECT_EQ(run(agent, define_pending, "pending").out, "nothing is pending\n");
  const auto requests = agent.requests();
  EXPECT_TRUE(
      requests.at(0).starts_with("GET /agent/v1/pending?limit=100&stuck=true HTTP/1.1\r\n"));
  EXPECT_TRUE(
      requests.at(1).starts_with("GET /agent/v1/pending?limit=5&stuck=true&type=A HTTP/1.1\r\n"));
  EXPECT_TRUE(requests.at(2).starts_with("GET /agent/v1/pending?limit=100 HTTP/1.1\r\n"));
}

TEST(PendingCommand, DropPrintsWhatWasDroppedAndGoesOnAfterOneThatCannotBe) {
  FakeAgent agent(
      {{Kind::kAnswer, http(R"({"detail":"no pending operation has receipt 3"})", "404 Not Found")},
       {Kind::kAnswer,
        http(R"({"detail":"operation 5 cannot be dropped right now: sent"})", "409 Conflict")},
       {Kind::kAnswer,
        http(
            R"({"receipt":7,"type":"T","id":"1","properties":{"v":5420.00},"state":"dropped"})")}});
  const auto outcome = run(agent, define_pending, "pending drop 3 5 7");
  EXPECT_EQ(outcome.code, kExitFailed);
  EXPECT_NE(outcome.err.find("no pending operation has receipt 3"), std::string::npos);
  EXPECT_NE(outcome.err.find("operation 5 cannot be dropped right now"), std::string::npos);
  EXPECT_TRUE(outcome.out.starts_with("dropped 7: upsert  T:1\n")) << outcome.out;
  EXPECT_TRUE(agent.requests().at(2).starts_with("DELETE /agent/v1/pending/7 HTTP/1.1\r\n"));
}

TEST(PendingCommand, WhatIsNoReceiptIsAUsageErrorAndSendsNothing) {
  FakeAgent agent({});
  for (const char* bad : {"abc", "0", "1x", "1.5", "99999999999999999999999"}) {
    try {
      run(agent, define_pending, std::string("pending drop ") + bad);
      ADD_FAILURE() << bad;
    } catch (const CLI::ParseError& error) {
      EXPECT_NE(std::string(error.what()).find("is not a receipt"), std::string::npos)
          << error.what();
    }
  }
  EXPECT_THROW(run(agent, define_pending, "pending drop"), CLI::ParseError);
  agent.stop();
  EXPECT_TRUE(agent.requests().empty());
}

TEST(FlushCommand, WaitEndsAtOnceWhereOnlyAPersonCanGoOn) {
  for (const auto& [state, hint] :
       {std::pair("no_key", "FLOWMYNA_API_KEY"), std::pair("refused", "flowmynactl status")}) {
    FakeAgent agent({{Kind::kAnswer, http(R"({"pending":2})")},
                     {Kind::kAnswer, http(R"({"outbox":{"pending":2},"delivery":{"state":")" +
                                          std::string(state) + R"("}})")}});
    const auto outcome = run(agent, define_flush, "flush --wait");
    EXPECT_EQ(outcome.code, kExitFailed);
    EXPECT_NE(outcome.err.find(hint), std::string::npos) << outcome.err;
  }
}

TEST(UpsertCommand, PropertyThatIsNotJsonIsAUsageErrorAndSendsNothing) {
  FakeAgent agent({});
  EXPECT_EQ(run(agent, define_upsert, "upsert A 1 v:=gold").code, kExitUsage);
  agent.stop();
  EXPECT_TRUE(agent.requests().empty());
}

TEST(WriteCommands, PrintTheApisOwnIdOfWhatWasDeliveredInTime) {
  FakeAgent agent(
      {{Kind::kAnswer, http(R"({"object_id":"u","created":true,"queued":false,"receipt":1})")},
       {Kind::kAnswer, http(R"({"object_id":"u","created":false,"queued":false,"receipt":2})")},
       {Kind::kAnswer, http(R"({"event_id":"e","queued":false,"receipt":3})")},
       {Kind::kAnswer, http(R"({"event_id":"e","queued":true,"receipt":4})")}});
  EXPECT_EQ(run(agent, define_upsert, "upsert A 1 --wait 5").out,
            "delivered as u (new), receipt 1\n");
  EXPECT_EQ(run(agent, define_upsert, "upsert A 1 --wait 5").out,
            "delivered as u (updated), receipt 2\n");
  EXPECT_EQ(run(agent, define_event, "event Paid A:1 --wait 5").out, "delivered as e, receipt 3\n");
  EXPECT_EQ(run(agent, define_event, "event Paid A:1").out, "queued, receipt 4\n");
  const auto requests = agent.requests();
  EXPECT_NE(requests.at(2).find("Prefer: wait=5\r\n"), std::string::npos);
  EXPECT_EQ(requests.at(3).find("Prefer"), std::string::npos);
}

TEST(WriteCommands, ARefusalAfterAWaitIsAFailureInTheApisWords) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"detail":"No such tier","receipt":1,"state":"dead"})",
                                        "422 Unprocessable Content")}});
  const auto refused = run(agent, define_upsert, "upsert A 1 --wait 5");
  EXPECT_EQ(refused.code, kExitFailed);
  EXPECT_NE(refused.err.find("No such tier"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace flowmyna::ctl
