// The way of a backlog from one device to another, over the router's routes: the outbox in memory,
// delivery faked.

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "router_bench.h"
#include "tests/unit/outbox/scripted_storage.h"

namespace flowmyna::test {
namespace {

using nlohmann::json;

constexpr const char* kUpsertLine =
    R"({"receipt":7,"accepted_unix_s":1700000000,"upsert":{"type":"Order","id":"a",)"
    R"("properties":{"v":5420.00}}})"
    "\n";
constexpr const char* kSentLine =
    R"({"receipt":8,"maybe_sent":"KEY","accepted_unix_s":1700000001,"event":{"event":"Paid",)"
    R"("objects":[{"type":"Order","id":"a"}],"timestamp":"2024-01-02T03:04:05Z"}})"
    "\n";
constexpr const char* kLetterLine =
    R"({"dead_letter":9,"status":422,"reason":"no","attempts":2,"at_unix_s":1700000009,)"
    R"("operations":[{"receipt":9,"accepted_unix_s":1700000002,"upsert":{"type":"Order",)"
    R"("id":"b"}}]})"
    "\n";
constexpr const char* kPlaceMissing =
    "422 an import needs the id of its export in the path, and the id of the exporting outbox as "
    "source; the first line of an exported file has both";
constexpr const char* kBadReceipts =
    "422 the body must be {\"receipts\":[…]}, with at most 10000 receipts";

/// Made before the rest, so that it outlives it.
struct Scripted {
  Script script;
};

class ExportRoutes : protected Scripted, public RouterBench {
 protected:
  explicit ExportRoutes(std::uint64_t quota_bytes = 1U << 20)
      : RouterBench(std::make_unique<ScriptedStorage>(script, quota_bytes)) {}

  void view(Receipt through, std::vector<std::pair<Receipt, std::string>> maybe_sent = {}) {
    delivery.export_answer = ExportView{"E", through, std::move(maybe_sent)};
  }
  std::string drop(const std::string& body) {
    return answer("POST", "/agent/v1/exports/E/drop", body);
  }
  std::string import(const std::string& query, const std::string& lines) {
    return answer("POST", "/agent/v1/imports/E?" + query, lines);
  }
  std::string import_at(std::uint64_t line, const std::string& lines) {
    return import("source=S&through=9&line=" + std::to_string(line), lines);
  }
  std::string arrived(const std::string& target = "E?source=S") {
    return answer("GET", "/agent/v1/imports/" + target);
  }
};

TEST_F(ExportRoutes, AnExportBeginsWithWhatThereIsToMove) {
  for (const char* id : {"a", "b", "c"}) write("Order", id, "{}");
  bury({2}, 422, "no");
  view(3);
  json body = json::parse(ask("POST", "/agent/v1/exports").body);
  EXPECT_FALSE(body["version"].get<std::string>().empty());
  EXPECT_FALSE(body["source"].get<std::string>().empty());
  body.erase("version");
  body.erase("source");
  EXPECT_EQ(body, json::parse(R"({"export":"E","through":3,"pending":2,"dead_letters":1})"));
}

TEST_F(ExportRoutes, WhatDeliveryRefusesIsAConflictOrUnavailable) {
  struct Refused {
    Error::Kind kind;
    int status;
    int retry_after_seconds;
  };
  write("Order", "1", "{}");
  for (const auto& [kind, status, retry_after_seconds] :
       {Refused{Error::Kind::kInvalid, 409, 0}, Refused{Error::Kind::kBusy, 503, 1},
        Refused{Error::Kind::kStopping, 503, 0}}) {
    delivery.export_answer = fail(kind, "why");
    delivery.give_up_answer = fail(kind, "why");
    for (const auto& [method, target] :
         {std::pair("POST", "/agent/v1/exports"), std::pair("GET", "/agent/v1/exports/E?after=0"),
          std::pair("POST", "/agent/v1/exports/E/drop")}) {
      const HttpResponse reply = ask(method, target, R"({"receipts":[1]})");
      EXPECT_EQ(text(reply), std::to_string(status) + " why") << method << ' ' << target;
      EXPECT_EQ(reply.retry_after_seconds, retry_after_seconds) << method << ' ' << target;
    }
  }
  EXPECT_EQ(vault.stats().pending(), 1U);
}

TEST_F(ExportRoutes, APageHasWhatWaitsAndTheDeadLettersInTheirOrder) {
  write("Order", "a", R"({"v":5420.00})");
  write("Order", "b", "{}");
  ask("POST", "/api/public/v1/event",
      R"({"event":"Paid","objects":[{"type":"Order","id":"a"}],"timestamp":"2024-01-02T03:04:05Z"})");
  write("Order", "behind", "{}");
  bury({2}, 422, "no");
  view(3, {{3, "KEY"}});
  const HttpResponse reply = ask("GET", "/agent/v1/exports/E");
  EXPECT_STREQ(reply.content_type, "application/x-ndjson");
  EXPECT_EQ(text(reply),
            "200 "
            R"({"receipt":1,"accepted_unix_s":1760000000,"upsert":{"type":"Order","id":"a",)"
            R"("properties":{"v":5420.00}}})"
            "\n"
            R"({"dead_letter":2,"status":422,"reason":"no","attempts":3,"at_unix_s":1760000000,)"
            R"("operations":[{"receipt":2,"accepted_unix_s":1760000000,"upsert":)"
            R"({"type":"Order","id":"b"}}]})"
            "\n"
            R"({"receipt":3,"maybe_sent":"KEY","accepted_unix_s":1760000000,"event":)"
            R"({"event":"Paid","objects":[{"type":"Order","id":"a"}],)"
            R"("timestamp":"2024-01-02T03:04:05Z"}})"
            "\n"
            R"({"through":3,"more":false,"damaged":0})"
            "\n");
  EXPECT_EQ(delivery.asked, "export E");
}

TEST_F(ExportRoutes, PagesGoOnWhereTheLastOneEnded) {
  ASSERT_TRUE(test::write(vault, std::vector<std::string>(1500, "a")).get());
  view(1400);
  const auto end_of = [this](const std::string& query) {
    const std::string body = ask("GET", "/agent/v1/exports/E?" + query).body;
    return body.substr(body.rfind('\n', body.size() - 2) + 1);
  };
  EXPECT_EQ(end_of(""), "{\"through\":1000,\"more\":true,\"damaged\":0}\n");
  EXPECT_EQ(end_of("after=1000"), "{\"through\":1400,\"more\":false,\"damaged\":0}\n");
  const std::string nothing = "200 {\"through\":1400,\"more\":false,\"damaged\":0}\n";
  EXPECT_EQ(answer("GET", "/agent/v1/exports/E?after=1400"), nothing);
  EXPECT_EQ(answer("GET", "/agent/v1/exports/E?after=9223372036854775807"), nothing);
}

TEST_F(ExportRoutes, APageAfterWhatIsNoReceiptIsUnprocessable) {
  view(1);
  for (const char* bad : {"after=-1", "after=", "after", "after=1x", "after=9223372036854775808"}) {
    EXPECT_EQ(answer("GET", std::string("/agent/v1/exports/E?") + bad),
              "422 after must be a number from 0 to 9223372036854775807")
        << bad;
  }
  EXPECT_EQ(answer("GET", "/agent/v1/exports/E?after=%"),
            "422 the query string has a '%' that is not followed by two hexadecimal digits");
  EXPECT_EQ(delivery.asked, "");
}

TEST_F(ExportRoutes, WhatWasExportedIsDroppedAndCounted) {
  for (const char* id : {"a", "b", "c"}) write("Order", id, "{}");
  deliver({3});
  EXPECT_EQ(drop(R"({"receipts":[2,1,2,3,4,0,18446744073709551615]})"), R"(200 {"dropped":2})");
  EXPECT_EQ(delivery.asked, "give up E");
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/1"), R"(200 {"receipt":1,"state":"dropped"})");
  EXPECT_EQ(drop(R"({"receipts":[]})"), R"(200 {"dropped":0})");
}

TEST_F(ExportRoutes, WhatIsNoListOfReceiptsDropsNothing) {
  write("Order", "a", "{}");
  std::string many = "1";
  for (int i = 0; i < 10'000; ++i) many += ",1";
  for (const std::string& bad :
       {std::string(), std::string("not JSON"), std::string("[1]"), std::string("{}"),
        std::string(R"({"receipts":1})"), std::string(R"({"receipts":["1"]})"),
        std::string(R"({"receipts":[1,-1]})"), std::string(R"({"receipts":[1.0]})"),
        std::string(R"({"receipts":[18446744073709551616]})"),
        std::string(R"({"receipts":[null]})"), std::string(100'000, '['),
        "{\"receipts\":[" + many + "]}"}) {
    EXPECT_EQ(drop(bad), kBadReceipts) << bad.substr(0, 50);
  }
  EXPECT_EQ(delivery.asked, "");
  EXPECT_EQ(vault.stats().pending(), 1U);
}

TEST_F(ExportRoutes, LinesArriveAsTheyLeft) {
  EXPECT_EQ(arrived(), R"(200 {"lines":0,"other_through":0})");
  EXPECT_EQ(import_at(1, std::string(kUpsertLine) + kLetterLine), R"(200 {"lines":2})");
  EXPECT_EQ(arrived(), R"(200 {"lines":2,"other_through":0})");
  EXPECT_EQ(arrived("other?source=S"), R"(200 {"lines":0,"other_through":9})");
  EXPECT_EQ(arrived("other?source=other"), R"(200 {"lines":0,"other_through":0})");
  const json waits = json::parse(ask("GET", "/agent/v1/pending").body)["pending"];
  ASSERT_EQ(waits.size(), 1U);
  EXPECT_EQ(waits[0]["accepted_at"], "2023-11-14T22:13:20.000Z");
  EXPECT_NE(ask("GET", "/agent/v1/pending").body.find(R"({"v":5420.00})"), std::string::npos);
  EXPECT_EQ(answer("GET", "/agent/v1/receipts/2"),
            R"(200 {"receipt":2,"state":"dead","dead_letter":2,"reason":"no","status":422})");
  EXPECT_EQ(import_at(3, kUpsertLine), R"(200 {"lines":3})");
}

TEST_F(ExportRoutes, LinesThatAreNotDueAreAConflictAndDoNotArrive) {
  EXPECT_EQ(import_at(2, kUpsertLine),
            "409 line 1 of this export comes next, not 2: is it being imported twice at once?");
  EXPECT_EQ(import_at(1, kUpsertLine), R"(200 {"lines":1})");
  EXPECT_EQ(import_at(1, kUpsertLine),
            "409 line 2 of this export comes next, not 1: is it being imported twice at once?");
  EXPECT_EQ(import_at(9223372036854775807, kUpsertLine).substr(0, 4), "409 ");
  EXPECT_EQ(vault.stats().accepted, 1U);
}

TEST_F(ExportRoutes, AnEventThatMayHaveBeenSentGoesAgainAndIsCounted) {
  EXPECT_EQ(import_at(1, std::string(kUpsertLine) + kSentLine), R"(200 {"lines":2})");
  EXPECT_EQ(vault.stats().pending(), 2U);
  EXPECT_EQ(vault.stats().duplicates_possible, 1U);
}

TEST_F(ExportRoutes, AnEventThatMayHaveBeenSentWaitsForAPersonWhereThatIsWanted) {
  delivery.holds = true;
  EXPECT_EQ(import_at(1, std::string(kUpsertLine) + kSentLine), R"(200 {"lines":2})");
  EXPECT_EQ(vault.stats().duplicates_possible, 0U);
  const json letter = json::parse(ask("GET", "/agent/v1/dead-letters/2").body);
  EXPECT_EQ(letter["status"], json(nullptr));
  EXPECT_EQ(
      letter["reason"],
      "outcome unknown: it was exported before its request (Idempotency-Key KEY) was answered");
  EXPECT_EQ(letter["at"], "2025-10-09T08:53:20.000Z");
}

TEST_F(ExportRoutes, AnImportSaysWhereItsLinesBelong) {
  const std::string longest(100, 'x');
  EXPECT_EQ(import("source=" + longest + "&through=1&line=1", kUpsertLine).substr(0, 4), "200 ");
  for (const std::string& bad : {std::string(), std::string("source="), std::string("source"),
                                 "source=" + longest + "x", std::string("sources=S&through=1")}) {
    EXPECT_EQ(import(bad + "&through=1&line=1", kUpsertLine), kPlaceMissing) << bad;
    EXPECT_EQ(arrived("E?" + bad), kPlaceMissing) << bad;
  }
  EXPECT_EQ(arrived(longest + "x?source=S"), kPlaceMissing);
  EXPECT_EQ(arrived("E?source=%ff"), "422 the query string is not UTF-8");
  for (const char* bad : {"", "&line=0", "&line=-1", "&line=+1", "&line=9223372036854775808"}) {
    EXPECT_EQ(import(std::string("source=S&through=1") + bad, kUpsertLine),
              "422 line must be a number from 1 to 9223372036854775807")
        << bad;
  }
  EXPECT_EQ(import("source=S&line=1", kUpsertLine),
            "422 through must be a number from 0 to 9223372036854775807");
}

TEST_F(ExportRoutes, WhatIsNoLineOfAnExportDoesNotArrive) {
  EXPECT_EQ(import_at(1, ""), "422 the body is empty; send lines of an export");
  EXPECT_EQ(import_at(1, std::string(kUpsertLine) + "not JSON\n"),
            "422 line 2: not a line of an export");
  EXPECT_EQ(import_at(1, "\n"), "422 line 1: not a line of an export");
  EXPECT_EQ(import_at(1, R"({"format":"flowmyna-export"})"),
            "422 line 1: the line holds no operation");
  EXPECT_EQ(import_at(1, R"({"accepted_unix_s":1,"upsert":{"type":"Order"}})"),
            "422 line 1: id: Field required");
  EXPECT_EQ(arrived(), R"(200 {"lines":0,"other_through":0})");
  EXPECT_EQ(vault.stats().accepted, 0U);
}

class ExportRoutesOfASmallOutbox : public ExportRoutes {
 protected:
  ExportRoutesOfASmallOutbox() : ExportRoutes(100) {}
};

TEST_F(ExportRoutesOfASmallOutbox, LinesForWhichThereIsNoRoomMayComeAgainLater) {
  Receipt line = 1;
  while (import_at(line, kUpsertLine).starts_with("200 ")) ++line;
  const HttpResponse reply = ask(
      "POST", "/agent/v1/imports/E?source=S&through=9&line=" + std::to_string(line), kUpsertLine);
  EXPECT_EQ(reply.status, 507);
  EXPECT_EQ(reply.retry_after_seconds, 30);
  deliver({1});
  EXPECT_EQ(import_at(line, kUpsertLine).substr(0, 4), "200 ");
}

TEST_F(ExportRoutesOfASmallOutbox, LinesForWhichThereIsNeverRoomAreTooLarge) {
  std::string lines;
  while (lines.size() < 4000) lines += kUpsertLine;
  EXPECT_EQ(import_at(1, lines).substr(0, 4), "413 ");
  EXPECT_EQ(import_at(1, kUpsertLine).substr(0, 4), "200 ") << "fewer may come in its place";
}

}  // namespace
}  // namespace flowmyna::test
