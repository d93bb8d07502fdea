#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/ctl/commands.h"
#include "agent/ctl/dead_letter_view.h"
#include "unit/client/fake_agent.h"

namespace flowmyna::ctl {
namespace {

using test::FakeAgent;
using test::http;
using Kind = test::Step::Kind;

constexpr const char* kUpsertLetter =
    R"({"id":7,"kind":"upsert","status":422,"reason":"no\u001b[2J","attempts":2,)"
    R"("at":"2024-01-02T03:04:05.000Z","receipts":2,)"
    R"("item":{"type":"Order","id":"O-1","properties":{"v":1e400,"n":5420.00}})";
constexpr const char* kOperations =
    R"(,"operations":[{"receipt":7,"kind":"upsert","accepted_at":"2024-01-01T00:00:00.000Z",)"
    R"("type":"Order","id":"O-1","properties":{"v":1e400}},{"receipt":9,"damaged":true}]})";
constexpr const char* kHeldEvent =
    R"({"id":12,"kind":"event","status":null,"reason":"outcome unknown: timeout","attempts":1,)"
    R"("at":"2024-01-02T03:04:06.000Z","receipts":1,)"
    R"("item":{"event":"Paid","objects":[{"type":"Order","id":"O-1"},{"type":"User","id":"U"}]}})";

std::string view(client::Result<std::string> (*of)(const client::Response&),
                 const std::string& body) {
  const auto text = of({200, body, {}});
  return text ? *text : text.error().message;
}

TEST(DeadLettersView, SaysWhatAndWhyInTwoLinesEach) {
  EXPECT_EQ(view(&dead_letters_view, R"({"dead_letters":[)" + std::string(kUpsertLetter) + "}," +
                                         kHeldEvent + R"(],"more":true})"),
            "         7  upsert  Order:O-1, merged from 2 operations\n"
            "            2024-01-02T03:04:05.000Z  422 no?[2J\n"
            "        12  event   Paid on Order:O-1, User:U\n"
            "            2024-01-02T03:04:06.000Z  outcome unknown: timeout\n"
            "there are more: continue with --after 12\n");
  EXPECT_EQ(view(&dead_letters_view, R"({"dead_letters":[],"more":false})"),
            "there are no dead letters\n");
  EXPECT_EQ(view(&dead_letters_view, "[]"), "the answer holds no list of dead letters");
}

TEST(DeadLetterView, ShowsEveryOperationWithItsDigitsAndNamesDamage) {
  EXPECT_EQ(
      view(&dead_letter_view, std::string(kUpsertLetter) + kOperations),
      "dead letter 7\n"
      "what       upsert  Order:O-1, merged from 2 operations\n"
      "why        422 no?[2J\n"
      "since      2024-01-02T03:04:05.000Z, after 2 attempts\n"
      "sent as    {\"type\":\"Order\",\"id\":\"O-1\",\"properties\":{\"v\":1e400,\"n\":5420.00}}\n"
      "operations as they were written:\n"
      "         7  accepted 2024-01-01T00:00:00.000Z\n"
      "            {\"receipt\":7,\"kind\":\"upsert\",\"accepted_at\":\"2024-01-01T00:00:00.000Z\","
      "\"type\":\"Order\",\"id\":\"O-1\",\"properties\":{\"v\":1e400}}\n"
      "         9  damaged: its row fails the checksum\n");
  EXPECT_EQ(view(&dead_letter_view, "{}"), "the answer is not a dead letter");
}

TEST(RetriedView, CountsWhatWaitsAgainAndNamesWhatCannotBeSent) {
  EXPECT_EQ(view(&retried_view, R"({"dead_letters":1,"operations":2,"damaged":[]})"),
            "retried 1 dead letter: 2 operations pending again\n");
  EXPECT_EQ(view(&retried_view, R"({"dead_letters":2,"operations":1,"damaged":[3,4]})"),
            "retried 2 dead letters: 1 operation pending again\n"
            "not retried, because an operation in them fails its checksum: 3 4\n");
}

/// Runs command lines against a scripted agent, in a directory of their own.
class DeadLettersCommand : public testing::Test {
 protected:
  DeadLettersCommand() { directory = ::mkdtemp(directory.data()); }
  ~DeadLettersCommand() override { std::filesystem::remove_all(directory); }

  int run(const FakeAgent& agent, const std::string& arguments) {
    Session session;
    session.socket_path = agent.socket_path();
    CLI::App app;
    define_dead_letters(app, session);
    app.parse("dead-letters " + arguments);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = session.run();
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    return code;
  }
  static std::string request_line(FakeAgent& agent, std::size_t index) {
    const std::string request = agent.requests().at(index);
    return request.substr(0, request.find(" HTTP"));
  }
  std::string content_of(const std::string& path) const {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory), {}));
  }

  std::string directory = "/tmp/flowmyna-letters-XXXXXX";
  std::string out;
  std::string err;
};

TEST_F(DeadLettersCommand, ListsWithoutASubcommand) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"dead_letters":[],"more":false})")},
                   {Kind::kAnswer, http(R"({"dead_letters":[],"more":false})")},
                   {Kind::kAnswer, http(R"({"anything": 1.00})")}});
  EXPECT_EQ(run(agent, ""), kExitOk);
  EXPECT_EQ(out, "there are no dead letters\n");
  EXPECT_EQ(run(agent, "list --after 5 --limit 2"), kExitOk);
  EXPECT_EQ(run(agent, "--json"), kExitOk);
  EXPECT_EQ(out, "{\"anything\": 1.00}\n");
  EXPECT_EQ(request_line(agent, 0), "GET /agent/v1/dead-letters?after=0&limit=100");
  EXPECT_EQ(request_line(agent, 1), "GET /agent/v1/dead-letters?after=5&limit=2");
}

TEST_F(DeadLettersCommand, DropPrintsWhatWasDroppedAndGoesOnAfterOneThatIsNotThere) {
  FakeAgent agent(
      {{Kind::kAnswer, http(R"({"detail":"no dead letter has the number 3"})", "404 Not Found")},
       {Kind::kAnswer, http(std::string(kUpsertLetter) + kOperations)}});
  EXPECT_EQ(run(agent, "drop 3 7"), kExitFailed);
  EXPECT_NE(err.find("no dead letter has the number 3"), std::string::npos);
  EXPECT_TRUE(out.starts_with("dropped dead letter 7\n")) << out;
  EXPECT_EQ(request_line(agent, 1), "DELETE /agent/v1/dead-letters/7");
}

TEST_F(DeadLettersCommand, RetryNeedsNumbersOrAll) {
  const std::string answer = R"({"dead_letters":1,"operations":1,"damaged":[]})";
  FakeAgent agent({{Kind::kAnswer, http(answer)}, {Kind::kAnswer, http(answer)}});
  EXPECT_EQ(run(agent, "retry 7"), kExitOk);
  EXPECT_EQ(run(agent, "retry --all"), kExitOk);
  EXPECT_EQ(request_line(agent, 0), "POST /agent/v1/dead-letters/7/retry");
  EXPECT_EQ(request_line(agent, 1), "POST /agent/v1/dead-letters/retry");
  EXPECT_THROW(run(agent, "retry"), CLI::ParseError);
  EXPECT_THROW(run(agent, "retry 7 --all"), CLI::ParseError);
}

TEST_F(DeadLettersCommand, ExportWritesEveryLetterOnALineAndSkipsThoseThatAreGone) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"dead_letters":[{"id":7},{"id":8},{"id":12}]})")},
                   {Kind::kAnswer, http("{\"id\":7,\n\"v\":1.00}")},
                   {Kind::kAnswer, http(R"({"detail":"gone"})", "404 Not Found")},
                   {Kind::kAnswer, http(R"({"id":12})")},
                   {Kind::kAnswer, http(R"({"dead_letters":[]})")}});
  const std::string file = directory + "/letters";
  EXPECT_EQ(run(agent, "export " + file), kExitOk) << err;
  EXPECT_EQ(out, "wrote 2 dead letters to " + file + "\n");
  EXPECT_EQ(content_of(file), "{\"id\":7, \"v\":1.00}\n{\"id\":12}\n");
  EXPECT_EQ(request_line(agent, 4), "GET /agent/v1/dead-letters?limit=1000&after=12");
  EXPECT_EQ(files(), 1U);
}

TEST_F(DeadLettersCommand, AnExportThatFailsLeavesWhatWasThere) {
  const std::string file = directory + "/letters";
  std::ofstream(file) << "precious";
  FakeAgent agent({{Kind::kAnswer, http(R"({"dead_letters":[{"id":7}]})")},
                   {Kind::kAnswer, http(R"({"detail":"broken"})", "503 Service Unavailable")}});
  EXPECT_EQ(run(agent, "export " + file), kExitFailed);
  EXPECT_NE(err.find("--force"), std::string::npos) << err;
  EXPECT_EQ(run(agent, "export --force " + file), kExitFailed);
  EXPECT_NE(err.find("broken"), std::string::npos) << err;
  EXPECT_EQ(content_of(file), "precious");
  EXPECT_EQ(files(), 1U);
}

TEST_F(DeadLettersCommand, ExportReplacesAFileWhenItIsForced) {
  const std::string file = directory + "/letters";
  std::ofstream(file) << "old";
  FakeAgent agent({{Kind::kAnswer, http(R"({"dead_letters":[]})")}});
  EXPECT_EQ(run(agent, "export --force " + file), kExitOk) << err;
  EXPECT_EQ(content_of(file), "");
  EXPECT_EQ(files(), 1U);
}

}  // namespace
}  // namespace flowmyna::ctl
