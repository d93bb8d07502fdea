#include <gtest/gtest.h>

#include "agent/ctl/arguments.h"
#include "agent/ctl/doctor_checks.h"
#include "agent/ctl/format.h"
#include "agent/ctl/import_lines.h"
#include "agent/ctl/pending_view.h"
#include "agent/ctl/progress.h"
#include "agent/ctl/status_view.h"

namespace flowmyna::ctl {
namespace {

/// `name|json`, or the complaint.
std::string property(std::string_view argument) {
  const auto parsed = parse_property(argument);
  return parsed ? parsed->name + '|' + parsed->value.json() : parsed.error();
}

client::Status sample_status() {
  client::Status status;
  status.version = "0.1.0";
  status.uptime_seconds = 3720;
  status.outbox = {1234, 310.0, 4096, std::uint64_t{1} << 30, 2, "ok", ""};
  status.delivery = {"backing_off",
                     4.0,
                     "2024-01-02T03:04:05Z",
                     "connection refused\x1b[2J",
                     5000,
                     3764,
                     1200,
                     51,
                     0};
  return status;
}

TEST(Arguments, JsonStaysAsWrittenAndEverythingElseIsAString) {
  EXPECT_EQ(property("ltv=5420.00"), "ltv|5420.00");
  EXPECT_EQ(property("big=12345678901234567890123"), "big|12345678901234567890123");
  EXPECT_EQ(property("huge=1e400"), "huge|1e400");
  EXPECT_EQ(property("gone=null"), "gone|null");
  EXPECT_EQ(property("list=[1.0,2]"), "list|[1.0,2]");
  EXPECT_EQ(property(R"(quoted="12")"), R"(quoted|"12")");
  EXPECT_EQ(property("tier=gold"), R"(tier|"gold")");
  EXPECT_EQ(property("zip=01234"), R"(zip|"01234")");
  EXPECT_EQ(property("formula=a=b"), R"(formula|"a=b")");
  EXPECT_EQ(property("empty="), R"(empty|"")");
  EXPECT_EQ(property("=x"), R"(|"x")");
}

TEST(Arguments, ColonEqualsInsistsOnJson) {
  EXPECT_EQ(property("n:=-0"), "n|-0");
  EXPECT_EQ(property("n:=gold"),
            "the value of 'n' is not JSON: gold (a string needs quotes: '\"text\"')");
  EXPECT_EQ(property("name"), "'name' is not a property: write name=value");
}

TEST(Arguments, ObjectIdMayHoldColons) {
  const auto object = parse_object("Url:https://a/b");
  ASSERT_TRUE(object.has_value());
  EXPECT_EQ(object->type, "Url");
  EXPECT_EQ(object->id, "https://a/b");
  for (const char* bad : {"Order", ":1", "Order:", ""}) EXPECT_FALSE(parse_object(bad)) << bad;
}

TEST(Arguments, QualifierMustNameAnObjectOfTheEvent) {
  std::vector<client::EventObject> objects = {{"User", "a=b"}};
  EXPECT_TRUE(apply_qualifier("User:a=b=buyer", objects).has_value());
  EXPECT_EQ(objects[0].qualifier, "buyer");
  EXPECT_FALSE(apply_qualifier("User:x=buyer", objects).has_value());
}

TEST(Arguments, UrlEncodesAllButUnreserved) {
  EXPECT_EQ(url_encode("a-Z_0.~ /&ü"), "a-Z_0.~%20%2F%26%C3%BC");
}

TEST(Format, DurationsAndSizesTakeTheUnitThatFits) {
  EXPECT_EQ(duration_text(4.25), "4.2 s");
  EXPECT_EQ(duration_text(310), "5 min 10 s");
  EXPECT_EQ(duration_text(90'000), "1 d 1 h");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
}

TEST(StatusView, IsOneAlignedLineAFactAndCannotSteerTheTerminal) {
  EXPECT_EQ(status_view(sample_status()),
            "flowmyna-agent 0.1.0, up 1 h 2 min\n"
            "state          backing off, next attempt in 4.0 s\n"
            "last success   2024-01-02T03:04:05Z\n"
            "last error     connection refused?[2J\n"
            "pending        1234, the oldest waits for 5 min 10 s\n"
            "dead letters   2\n"
            "outbox         4.0 KiB of 1.0 GiB (0 %)\n"
            "accepted       5000\n"
            "delivered      3764\n"
            "coalesced      1200\n"
            "requests       51\n"
            "duplicates     0 possible\n");
}

TEST(StatusView, NamesWhatWasDroppedByHand) {
  client::Status status = sample_status();
  status.delivery.dropped = 3;
  EXPECT_NE(status_view(status).find("dead letters   2\ndropped        3 by hand\n"),
            std::string::npos);
}

TEST(StatusView, NamesTheOldestThatIsStuckItsAnswerAndWhatToType) {
  client::Status status = sample_status();
  status.delivery.stuck = {3, 42, 7380, 17, 500, "HTTP 500: boom\x1b[2J"};
  EXPECT_NE(status_view(status).find(
                "stuck          3, the oldest is 42, for 2 h 3 min, after 17 attempts\n"
                "               HTTP 500: boom?[2J\n"
                "               `flowmynactl pending --stuck` shows them, `flowmynactl pending "
                "drop N` drops one\n"),
            std::string::npos)
      << status_view(status);
}

TEST(StatusView, NamesAnEndpointThatDoesWorseThanTheWhole) {
  client::Status status = sample_status();
  status.delivery.state = "delivering";
  status.delivery.next_attempt_in_seconds.reset();
  status.delivery.object = {"delivering", std::nullopt, ""};
  status.delivery.event = {"unauthorized", 240.0, "HTTP 403"};
  EXPECT_NE(status_view(status).find(
                "state          delivering\n"
                "events         unauthorized, next attempt in 4 min 0 s: HTTP 403\n"),
            std::string::npos)
      << status_view(status);
  EXPECT_EQ(status_view(status).find("objects"), std::string::npos);
  status.delivery.state = "unauthorized";
  EXPECT_EQ(status_view(status).find("events"), std::string::npos);
}

TEST(StatusView, SaysWhatToDoWithoutAKeyAndThatNothingIsLostWhenAllIsRefused) {
  client::Status status = sample_status();
  status.delivery.next_attempt_in_seconds.reset();
  status.delivery.state = "no_key";
  EXPECT_NE(status_view(status).find("state          no API key: accepting, not delivering; set "
                                     "api.key_file or FLOWMYNA_API_KEY\n"),
            std::string::npos);
  status.delivery.state = "refused";
  EXPECT_NE(status_view(status).find("state          the API refuses everything: it is all kept "
                                     "and tried again\n"),
            std::string::npos);
}

TEST(StatusView, NamesWhatWasLostAndTheFileToSendIn) {
  client::Status status = sample_status();
  status.outbox.lost = 7;
  status.outbox.damaged_file = "/var/lib/outbox.db.damaged-20261125T014624Z";
  EXPECT_NE(
      status_view(status).find("lost           7 when the outbox was damaged\n"
                               "damaged file   /var/lib/outbox.db.damaged-20261125T014624Z\n"),
      std::string::npos);
  status.outbox.lost_is_exact = false;
  EXPECT_NE(status_view(status).find("damaged, as far as is known\n"), std::string::npos);
}

TEST(StatusView, LeavesOutWhatIsNotThere) {
  client::Status status;
  status.version = "0.1.0";
  status.delivery.state = "idle";
  EXPECT_EQ(status_view(status),
            "flowmyna-agent 0.1.0, up 0.0 s\n"
            "state          idle\n"
            "last success   never\n"
            "pending        0\n"
            "dead letters   0\n"
            "outbox         0 B\n"
            "accepted       0\n"
            "delivered      0\n"
            "coalesced      0\n"
            "requests       0\n"
            "duplicates     0 possible\n");
}

TEST(StatusView, RatesSurviveARestartOfTheAgent) {
  client::Status before = sample_status();
  client::Status now = before;
  now.delivery.accepted += 20;
  now.delivery.delivered = 0;
  EXPECT_EQ(rate_view(before, now, 2.0),
            "now            10/s accepted, 0/s delivered, 0/s requests\n");
}

TEST(PendingView, IsOneLineAnOperation) {
  const client::Response response{
      200,
      R"({"pending":[{"receipt":7,"kind":"upsert","type":"Customer","id":"C-1"},
          {"receipt":12,"kind":"event","event":"Paid","objects":[{"type":"Order","id":"O-1"},{"type":"User","id":"U"}]}],
          "more":true})",
      {}};
  const auto view = pending_view(response);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(*view,
            "         7  upsert  Customer:C-1\n"
            "        12  event   Paid on Order:O-1, User:U\n"
            "there are more: raise --limit\n");
  EXPECT_EQ(*pending_view({200, R"({"pending":[],"more":false})", {}}), "nothing is pending\n");
  EXPECT_EQ(
      *pending_view(
          {200, R"({"pending":[{"receipt":7,"type":"T","id":"1","properties":{"v":1e400}}]})", {}}),
      "         7  upsert  T:1\n");
  EXPECT_FALSE(pending_view({200, "[]", {}}).ok());
}

TEST(StuckView, SaysWhatAndSinceWhenAndWhyInTwoLinesEach) {
  const client::Response response{
      200,
      R"({"pending":[{"receipt":7,"kind":"upsert","type":"Order","id":"O-1","properties":{"v":1e400},
          "stuck":{"attempts":17,"status":500,"last_error":"HTTP 500: boom\u001b[2J","for_seconds":7380,
                   "next_attempt_in_seconds":242.5,"with":[9,11]}},
          {"receipt":12,"kind":"event","event":"Paid","objects":[{"type":"Order","id":"O-1"}],
          "stuck":{"attempts":1,"status":null,"last_error":null,"for_seconds":0,
                   "next_attempt_in_seconds":0.0,"with":[]}}],
          "more":true})",
      {}};
  const auto view = stuck_view(response);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(*view,
            "         7  upsert  Order:O-1, merged with 2 others\n"
            "            for 2 h 3 min, 17 attempts, the next in 4 min 2 s: HTTP 500: boom?[2J\n"
            "        12  event   Paid on Order:O-1\n"
            "            for 0.0 s, 1 attempt, the next in 0.0 s\n"
            "there are more: raise --limit\n");
  EXPECT_EQ(*stuck_view({200, R"({"pending":[],"more":false})", {}}), "nothing is stuck\n");
}

TEST(DroppedView, ShowsWhatItWasWithItsDigits) {
  const std::string body =
      R"({"receipt":7,"kind":"upsert","type":"T","id":"1","properties":{"v":5420.00},"state":"dropped"})";
  EXPECT_EQ(*dropped_view({200, body, {}}), "dropped 7: upsert  T:1\n" + body + "\n");
  EXPECT_FALSE(dropped_view({200, R"({"receipt":7})", {}}).ok());
}

TEST(ProgressLine, ShowsTheShareAndNeverMoreThanAll) {
  EXPECT_EQ(progress_line("importing", 1, 3, "1 lines"),
            "importing [##########--------------------]  33 %  1 lines");
  EXPECT_EQ(progress_line("x", 5, 4, "t"), "x [##############################] 100 %  t");
  EXPECT_EQ(progress_line("x", 5, 0, "t"), "x  t");
}

TEST(ImportLines, KindIsTheMemberEventAtTheTop) {
  EXPECT_EQ(line_kind(R"({"type":"A","id":"1","properties":{"event":1}})"), LineKind::kObject);
  EXPECT_EQ(line_kind(R"({"objects":[],"event":"Paid"})"), LineKind::kEvent);
  EXPECT_EQ(line_kind("  \r"), LineKind::kBlank);
  EXPECT_EQ(line_kind(R"({"type":"A",})"), LineKind::kInvalid);
  EXPECT_EQ(line_kind("[1]"), LineKind::kInvalid);
}

TEST(ImportLines, BatchEndsWhereTheKindChangesOrALimitIsReached) {
  ImportBatch batch;
  batch.add(LineKind::kObject, 3, "{}");
  EXPECT_TRUE(batch.takes(LineKind::kObject, "{}"));
  EXPECT_FALSE(batch.takes(LineKind::kEvent, "{}"));
  EXPECT_FALSE(batch.takes(LineKind::kObject, std::string(ImportBatch::kMaxBytes, ' ')));
  for (std::uint64_t i = 1; i < ImportBatch::kMaxLines; ++i) {
    batch.add(LineKind::kObject, 3 + 2 * i, "{}");
  }
  EXPECT_FALSE(batch.takes(LineKind::kObject, "{}"));
  EXPECT_EQ(batch.line_number(1), 5U);
  EXPECT_EQ(batch.body().substr(0, 6), "{}\n{}\n");
}

TEST(Doctor, EveryProblemComesWithAHint) {
  client::Status status = sample_status();
  status.outbox.size_bytes = status.outbox.quota_bytes;
  for (const char* state :
       {"backing_off", "no_key", "unauthorized", "refused", "paused", "misconfigured"}) {
    status.delivery.state = state;
    EXPECT_NE(check_state(status).level, Level::kOk) << state;
    EXPECT_FALSE(check_state(status).hint.empty()) << state;
  }
  status.delivery.stuck.operations = 3;
  EXPECT_EQ(check_stuck(status).level, Level::kWarn);
  EXPECT_NE(check_stuck(status).hint.find("pending drop N"), std::string::npos);
  EXPECT_TRUE(check_endpoints(status).empty());
  status.delivery.event = {"unauthorized", std::nullopt, "HTTP 403"};
  ASSERT_EQ(check_endpoints(status).size(), 1U);
  EXPECT_EQ(check_endpoints(status).front().subject, "events");
  EXPECT_EQ(check_endpoints(status).front().finding, "unauthorized: HTTP 403");
  EXPECT_EQ(check_outbox(status).level, Level::kWarn);
  client::Status damaged = sample_status();
  damaged.outbox.damaged_file = "/var/lib/outbox.db.damaged-20261125T014624Z";
  EXPECT_EQ(check_outbox(damaged).level, Level::kWarn);
  EXPECT_NE(check_outbox(damaged).finding.find(damaged.outbox.damaged_file), std::string::npos);
  EXPECT_NE(check_outbox(damaged).hint.find("for repair"), std::string::npos);
  for (const auto& [state, level] :
       {std::pair("full", Level::kWarn), std::pair("failed", Level::kFail)}) {
    client::Status bad = sample_status();
    bad.outbox.state = state;
    bad.outbox.last_error = "the disk";
    EXPECT_EQ(check_outbox(bad).level, level);
    EXPECT_EQ(check_outbox(bad).finding, "the disk");
    EXPECT_FALSE(check_outbox(bad).hint.empty());
    EXPECT_NE(status_view(bad).find("outbox " + bad.outbox.state), std::string::npos);
  }
  EXPECT_EQ(check_dead_letters(status).level, Level::kWarn);
  EXPECT_EQ(check_version(status, "0.2.0").level, Level::kWarn);
  EXPECT_EQ(check_api({503, "{}", {}}).level, Level::kWarn);
  EXPECT_EQ(check_api({401, R"({"detail":"bad key"})", {}}).finding,
            "the agent answered 401: bad key");
  EXPECT_EQ(check_socket("/tmp").finding, "/tmp is not a socket");
  EXPECT_EQ(check_view(check_socket("/tmp")),
            "FAIL  socket        /tmp is not a socket\n"
            "                    name the agent's with --socket\n");
}

TEST(Doctor, NothingWrongIsOk) {
  client::Status status;
  status.version = "0.1.0";
  status.delivery.state = "idle";
  EXPECT_EQ(check_state(status).level, Level::kOk);
  EXPECT_EQ(check_stuck(status).level, Level::kOk);
  EXPECT_EQ(check_outbox(status).level, Level::kOk);
  EXPECT_EQ(check_dead_letters(status).level, Level::kOk);
  EXPECT_EQ(check_version(status, "0.1.0").level, Level::kOk);
  EXPECT_EQ(check_api({200, "{}", {}}).level, Level::kOk);
}

}  // namespace
}  // namespace flowmyna::ctl
