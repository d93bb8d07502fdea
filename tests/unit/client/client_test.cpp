#include "flowmyna/client.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "unit/client/fake_agent.h"

namespace flowmyna::client {
namespace {

using test::FakeAgent;
using test::http;
using test::Step;
using Kind = test::Step::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kAccepted =
    R"({"success":true,"object_id":"550e8400-e29b-41d4-a716-446655440000","queued":true,"receipt":7})";

Client client_of(const FakeAgent& agent, milliseconds timeout = seconds(20)) {
  return Client({agent.socket_path(), timeout});
}

/// The kind of the error that an upsert gets for one answer.
Error upsert_error(const std::string& answer) {
  FakeAgent agent({{Kind::kAnswer, answer}});
  Client client = client_of(agent);
  const auto result = client.upsert("Customer", "C-1");
  EXPECT_FALSE(result.ok());
  return result ? Error{} : result.error();
}

TEST(Client, UpsertSendsTheValuesAsWritten) {
  FakeAgent agent({{Kind::kAnswer, http(kAccepted)}});
  Client client = client_of(agent);
  const auto result = client.upsert("Customer", "CUST-456",
                                    {{"name", "Jane \"J\" Doe"},
                                     {"lifetime_value", Value::raw("5420.00")},
                                     {"visits", 3},
                                     {"ratio", 0.1},
                                     {"vip", true},
                                     {"", nullptr}});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->receipt, 7U);
  EXPECT_EQ(result->id, "550e8400-e29b-41d4-a716-446655440000");
  const std::string body =
      R"({"type":"Customer","id":"CUST-456","properties":{"name":"Jane \"J\" Doe",)"
      R"("lifetime_value":5420.00,"visits":3,"ratio":0.1,"vip":true,"":null}})";
  EXPECT_EQ(agent.requests().at(0),
            "POST /api/public/v1/object/upsert HTTP/1.1\r\nHost: agent\r\n"
            "Content-Type: application/json\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
}

TEST(Client, WritesThatWaitForDeliveryAreToldTheApisOwnIds) {
  FakeAgent agent(
      {{Kind::kAnswer, http(R"({"object_id":"real","created":true,"queued":false,"receipt":1})")},
       {Kind::kAnswer, http(R"({"event_id":"real","queued":false,"receipt":2})")},
       {Kind::kAnswer, http(R"({"object_id":"ours","created":null,"queued":true,"receipt":3})")},
       {Kind::kAnswer, http(R"({"receipts":[4],"errors":[],"queued":false})")}});
  client::Options options;
  options.socket_path = agent.socket_path();
  options.wait = std::chrono::seconds(20);
  Client client(options);
  const auto object = client.upsert("A", "1");
  EXPECT_EQ(object->id, "real");
  EXPECT_FALSE(object->queued);
  EXPECT_EQ(object->created, true);
  const auto event = client.record_event("Paid", {{"A", "1"}});
  EXPECT_FALSE(event->queued);
  EXPECT_EQ(event->created, std::nullopt);
  const auto late = client.upsert("A", "1");
  EXPECT_TRUE(late->queued);
  EXPECT_EQ(late->created, std::nullopt);
  EXPECT_FALSE(client.upsert_batch({{"A", "1"}})->queued);
  for (const auto& request : agent.requests()) {
    EXPECT_NE(request.find("\r\nPrefer: wait=20\r\n"), std::string::npos) << request;
  }
}

TEST(Client, EventSendsOnlyWhatIsThere) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"event_id":"e","receipt":8})")},
                   {Kind::kAnswer, http(R"({"event_id":"f","receipt":9})")}});
  Client client = client_of(agent);
  EXPECT_EQ(client.record_event("Paid", {{"Order", "O-1"}})->id, "e");
  EXPECT_EQ(
      client
          .record_event("Paid", {{"Order", "O-1", {{"state", "paid"}}, "subject"}, {"User", "U"}},
                        {"2024-01-02T03:04:05Z", {{"sum", Value::raw("1.10")}}})
          ->receipt,
      9U);
  EXPECT_EQ(agent.bodies(),
            (std::vector<std::string>{
                R"({"event":"Paid","objects":[{"type":"Order","id":"O-1"}]})",
                R"({"event":"Paid","objects":[{"type":"Order","id":"O-1",)"
                R"("properties":{"state":"paid"},"qualifier":"subject"},{"type":"User","id":"U"}],)"
                R"("timestamp":"2024-01-02T03:04:05Z","properties":{"sum":1.10}})"}));
}

TEST(Client, BatchesReportInvalidItemsByIndex) {
  FakeAgent agent(
      {{Kind::kAnswer, http(R"({"receipts":[1,3],"errors":["index 1: id: too short"]})")},
       {Kind::kAnswer, http(R"({"receipts":[4],"errors":[]})")}});
  Client client = client_of(agent);
  const auto upserts = client.upsert_batch({{"A", "1", {{"x", 1}}}, {"A", ""}, {"A", "3"}});
  ASSERT_TRUE(upserts.ok()) << upserts.error().message;
  EXPECT_EQ(upserts->receipts, (std::vector<std::uint64_t>{1, 3}));
  ASSERT_EQ(upserts->errors.size(), 1U);
  EXPECT_EQ(upserts->errors[0].index, 1U);
  EXPECT_EQ(upserts->errors[0].reason, "id: too short");
  EXPECT_TRUE(client.record_event_batch({{"Paid", {{"A", "1"}}}}).ok());
  EXPECT_EQ(
      agent.bodies(),
      (std::vector<std::string>{
          R"({"objects":[{"type":"A","id":"1","properties":{"x":1}},{"type":"A","id":""},{"type":"A","id":"3"}]})",
          R"({"events":[{"event":"Paid","objects":[{"type":"A","id":"1"}]}]})"}));
}

TEST(Client, ValueWithoutJsonFormIsRefusedBeforeAnythingIsSent) {
  FakeAgent agent({});
  {
    Client client = client_of(agent);
    const auto result = client.upsert_batch({{"A", "1"}, {"A", "2", {{"load", std::nan("")}}}});
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(result.error().message,
              "item 1, property \"load\": NaN and infinity have no JSON form");
    EXPECT_EQ(client.upsert("A\xff", "1").error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(client.request({"GET", "/x HTTP/1.1\r\nEvil: 1"}).error().kind, ErrorKind::kInvalid);
  }
  agent.stop();
  EXPECT_TRUE(agent.requests().empty());
}

TEST(Client, RefusalCarriesTheAgentsDetail) {
  const std::string detail =
      R"([{"loc":["body","id"],"msg":"too short","type":"string_too_short"}])";
  const Error error =
      upsert_error(http("{\"detail\":" + detail + "}", "422 Unprocessable Content"));
  EXPECT_EQ(error.kind, ErrorKind::kRefused);
  EXPECT_EQ(error.http_status, 422);
  EXPECT_EQ(error.detail, detail);
  EXPECT_EQ(error.message, "the agent answered 422: body.id: too short");
}

TEST(Client, FullOutboxSaysWhenToTryAgain) {
  const Error error = upsert_error(
      http(R"({"detail":"outbox full"})", "507 Insufficient Storage", "Retry-After: 30\r\n"));
  EXPECT_EQ(error.kind, ErrorKind::kOutboxFull);
  EXPECT_EQ(error.retry_after, seconds(30));
  EXPECT_EQ(error.message, "the agent answered 507: outbox full");
}

TEST(Client, StatusesHaveTheirKinds) {
  const std::string body = R"({"detail":"x"})";
  EXPECT_EQ(upsert_error(http(body, "503 Service Unavailable")).kind, ErrorKind::kStopping);
  EXPECT_EQ(upsert_error(http(body, "429 Too Many Requests")).kind, ErrorKind::kBusy);
  EXPECT_EQ(upsert_error(http(body, "413 Content Too Large")).kind, ErrorKind::kRefused);
  EXPECT_EQ(upsert_error(http(body, "500 Internal Server Error")).kind,
            ErrorKind::kUnexpectedAnswer);
  EXPECT_EQ(upsert_error(http("<html>", "200 OK")).kind, ErrorKind::kUnexpectedAnswer);
}

TEST(Client, KeepsOneConnectionForManyCalls) {
  FakeAgent agent({{Kind::kAnswer, "HTTP/1.1 100 Continue\r\n\r\n" + http(kAccepted)},
                   {Kind::kAnswer, http(kAccepted)},
                   {Kind::kAnswer, http(kAccepted)}});
  Client client = client_of(agent);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.upsert("A", "1").ok());
  EXPECT_EQ(agent.connections(), 1);
}

TEST(Client, ConnectionClosedWhileIdleIsMadeAnewEvenForAnEvent) {
  FakeAgent agent({{Kind::kAnswerAndClose, http(kAccepted)}, {Kind::kAnswer, http(kAccepted)}});
  Client client = client_of(agent);
  ASSERT_TRUE(client.record_event("Paid", {{"A", "1"}}).ok());
  const auto second = client.record_event("Paid", {{"A", "2"}});
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_EQ(agent.requests().size(), 2U);
}

TEST(Client, AnnouncedCloseIsFollowed) {
  FakeAgent agent({{Kind::kAnswerAndClose, http(kAccepted, "200 OK", "Connection: close\r\n")},
                   {Kind::kAnswer, http(kAccepted)}});
  Client client = client_of(agent);
  EXPECT_TRUE(client.upsert("A", "1").ok());
  EXPECT_TRUE(client.upsert("A", "1").ok());
}

TEST(Client, EventThatWasNeverReadIsSentAgain) {
  FakeAgent agent({{Kind::kCloseUnread, ""}, {Kind::kAnswer, http(kAccepted)}});
  Client client = client_of(agent);
  const auto result = client.record_event("Paid", {{"A", "1"}});
  EXPECT_TRUE(result.ok()) << result.error().message;
}

TEST(Client, EventWithALostAnswerIsNotSentTwice) {
  FakeAgent agent({{Kind::kReadAndClose, ""}, {Kind::kAnswer, http(kAccepted)}});
  {
    Client client = client_of(agent);
    const auto result = client.record_event("Paid", {{"A", "1"}});
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kUnknownOutcome);
  }
  agent.stop();
  EXPECT_EQ(agent.requests().size(), 1U);
}

TEST(Client, EventWithATruncatedAnswerIsNotSentTwice) {
  FakeAgent agent({{Kind::kReadAndClose, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"succ"}});
  {
    Client client = client_of(agent);
    EXPECT_EQ(client.record_event_batch({{"Paid", {{"A", "1"}}}}).error().kind,
              ErrorKind::kUnknownOutcome);
  }
  agent.stop();
  EXPECT_EQ(agent.requests().size(), 1U);
}

TEST(Client, UpsertWithALostAnswerIsSentAgain) {
  FakeAgent agent({{Kind::kReadAndClose, ""}, {Kind::kAnswer, http(kAccepted)}});
  Client client = client_of(agent);
  const auto result = client.upsert("A", "1");
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(agent.requests().size(), 2U);
  EXPECT_EQ(agent.requests().at(0), agent.requests().at(1));
}

TEST(Client, UpsertIsTriedTwiceAtMost) {
  FakeAgent agent({});
  {
    Client client = client_of(agent);
    EXPECT_EQ(client.upsert("A", "1").error().kind, ErrorKind::kUnreachable);
  }
  agent.stop();
  EXPECT_EQ(agent.requests().size(), 2U);
}

TEST(Client, AnswerBeforeTheBodyWasReadIsSeen) {
  FakeAgent agent({{Kind::kAnswerUnread, http(R"({"detail":"too large"})", "413 Too Large")}});
  Client client = client_of(agent);
  const std::string large(8 << 20, 'x');
  const auto result = client.record_event("Paid", {{"A", "1", {{"blob", large}}}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().http_status, 413);
}

TEST(Client, SilentAgentTimesOutAndNothingIsSentAgain) {
  FakeAgent agent({{Kind::kStaySilent, ""}, {Kind::kStaySilent, ""}});
  {
    Client client = client_of(agent, milliseconds(50));
    EXPECT_EQ(client.upsert("A", "1").error().kind, ErrorKind::kUnreachable);
    EXPECT_EQ(client.record_event("Paid", {{"A", "1"}}).error().kind, ErrorKind::kUnknownOutcome);
  }
  agent.stop();
  EXPECT_EQ(agent.requests().size(), 2U);
}

TEST(Client, BrokenHttpIsNeverTakenForAnAnswer) {
  for (const char* answer :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}trailing"}) {
    FakeAgent agent({{Kind::kReadAndClose, answer}});
    Client client = client_of(agent);
    EXPECT_EQ(client.record_event("Paid", {{"A", "1"}}).error().kind, ErrorKind::kUnknownOutcome)
        << answer;
  }
}

TEST(Client, NoAgentIsUnreachableWithAHint) {
  const auto result = Client::connect({"/tmp/flowmyna-no-such-directory/agent.sock"});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kUnreachable);
  EXPECT_EQ(result.error().message,
            "cannot connect to /tmp/flowmyna-no-such-directory/agent.sock: No such file or "
            "directory; is flowmyna-agent running, and does it listen there? (see [listen] "
            "socket)");
  Client long_path({std::string(108, 'x')});
  EXPECT_NE(long_path.status().error().message.find("108 bytes"), std::string::npos);
}

TEST(Client, StatusIsReadWithItsNulls) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"version":"0.1.0","uptime_seconds":61,
      "outbox":{"state":"full","last_error":"no room","pending":3,"oldest_age_seconds":2.5,"size_bytes":4096,"quota_bytes":1073741824,"dead_letters":1},
      "delivery":{"state":"backing_off","next_attempt_in_seconds":null,"last_success":null,
      "last_error":"refused","accepted":5,"delivered":2,"coalesced":1,"requests":4,"duplicates_possible":0}})")}});
  Client client = client_of(agent);
  const auto status = client.status();
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(status->outbox.state, "full");
  EXPECT_EQ(status->outbox.last_error, "no room");
  EXPECT_EQ(status->outbox.pending, 3U);
  EXPECT_EQ(status->outbox.oldest_age_seconds, 2.5);
  EXPECT_EQ(status->delivery.next_attempt_in_seconds, std::nullopt);
  EXPECT_EQ(status->delivery.last_success, "");
  EXPECT_EQ(status->delivery.last_error, "refused");
  EXPECT_EQ(status->delivery.accepted, 5U);
}

TEST(Client, TheFateOfAReceiptIsReadWithWhyItIsDeadOrUnknown) {
  FakeAgent agent(
      {{Kind::kAnswer, http(R"({"receipt":7,"state":"delivered"})")},
       {Kind::kAnswer, http(R"({"receipt":8,"state":"dead","dead_letter":3,"reason":"no",
      "status":422})")},
       {Kind::kAnswer, http(R"({"receipt":9,"state":"unknown","reason":"lost"})")},
       {Kind::kAnswer, http(R"({"state":"pending"})")}});
  Client client = client_of(agent);
  const auto delivered = client.fate_of(7);
  ASSERT_TRUE(delivered.ok()) << delivered.error().message;
  EXPECT_EQ(delivered->state, "delivered");
  EXPECT_EQ(delivered->dead_letter, 0U);
  const auto dead = client.fate_of(8);
  EXPECT_EQ(dead->receipt, 8U);
  EXPECT_EQ(dead->dead_letter, 3U);
  EXPECT_EQ(dead->reason, "no");
  EXPECT_EQ(dead->status, 422);
  EXPECT_EQ(client.fate_of(9)->reason, "lost");
  EXPECT_FALSE(client.fate_of(10).ok()) << "without a receipt it is no such answer";
}

TEST(Client, StatusTellsWhatIsStuckAndHowEachEndpointDoes) {
  FakeAgent agent({{Kind::kAnswer, http(R"({"outbox":{},"delivery":{"state":"delivering",
      "stuck":{"operations":3,"oldest_receipt":42,"oldest_for_seconds":7380,"attempts":17,"status":500,"last_error":"HTTP 500"},
      "endpoints":{"object":{"state":"delivering","next_attempt_in_seconds":null,"last_error":null},
                   "event":{"state":"unauthorized","next_attempt_in_seconds":240.5,"last_error":"HTTP 403"}}}})")},
                   {Kind::kAnswer, http(R"({"outbox":{},"delivery":{"stuck":{"operations":0,
      "oldest_receipt":null,"oldest_for_seconds":null,"attempts":null,"status":null,"last_error":null}}})")}});
  Client client = client_of(agent);
  const auto status = client.status();
  ASSERT_TRUE(status.ok()) << status.error().message;
  const auto& stuck = status->delivery.stuck;
  EXPECT_EQ(stuck.operations, 3U);
  EXPECT_EQ(stuck.oldest_receipt, 42U);
  EXPECT_EQ(stuck.oldest_for_seconds, 7380);
  EXPECT_EQ(stuck.attempts, 17U);
  EXPECT_EQ(stuck.status, 500);
  EXPECT_EQ(stuck.last_error, "HTTP 500");
  EXPECT_EQ(status->delivery.object.state, "delivering");
  EXPECT_EQ(status->delivery.event.state, "unauthorized");
  EXPECT_EQ(status->delivery.event.next_attempt_in_seconds, 240.5);
  EXPECT_EQ(status->delivery.event.last_error, "HTTP 403");
  const auto nothing_stuck = client.status();
  ASSERT_TRUE(nothing_stuck.ok());
  EXPECT_EQ(nothing_stuck->delivery.stuck.operations, 0U);
  EXPECT_EQ(nothing_stuck->delivery.stuck.oldest_receipt, 0U);
  EXPECT_EQ(nothing_stuck->delivery.event.state, "");
}

TEST(Client, EnvironmentNamesTheSocket) {
  ::setenv("FLOWMYNA_SOCKET", "/tmp/mine.sock", 1);
  EXPECT_EQ(default_socket_path(), "/tmp/mine.sock");
  ::unsetenv("FLOWMYNA_SOCKET");
}

}  // namespace
}  // namespace flowmyna::client
