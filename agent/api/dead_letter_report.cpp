#include "agent/api/dead_letter_report.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "agent/api/reports.h"
#include "core/request.h"
#include "core/timestamp.h"

namespace flowmyna {
namespace {

using Json = nlohmann::ordered_json;

Json status_of(const DeadLetter& letter) {
  return letter.status == 0 ? Json(nullptr) : Json(letter.status);
}

/// The letter's operations; a row that does not read as one is in `damaged` instead.
std::vector<Operation> operations_of(const DeadLetter& letter) {
  std::vector<Operation> operations;
  for (const Window::Row& row : letter.operations.rows()) {
    if (auto operation = Operation::parse(letter.operations.stored(row))) {
      operations.push_back(*std::move(operation));
    }
  }
  return operations;
}

std::string item_as_sent(const std::vector<Operation>& operations) {
  RequestItem item;
  for (const Operation& operation : operations) item.push_back(&operation);
  std::string json;
  append_item(json, item);
  return json;
}

std::string why_unknown(ReceiptState state, const OutboxStats& stats) {
  if (state == ReceiptState::kMaybeFolded) {
    return "an older version of the agent merged operations on disk without recording which ones: "
           "this one was delivered, or was merged into one that was not";
  }
  if (state != ReceiptState::kMaybeLost) return "";
  if (stats.epoch == 0) return "it may have been lost when the outbox was damaged";
  return "it may belong to a file that an older copy of the outbox has replaced, or have been lost "
         "when the outbox was damaged";
}

/// Without its closing brace.
std::string open_entry(const DeadLetter& letter, const std::vector<Operation>& operations) {
  const bool is_whole = letter.damaged.empty() && !operations.empty();
  Json head = {{"id", letter.id}, {"kind", nullptr}};
  if (!operations.empty()) {
    head["kind"] = operations.front().kind == Kind::kUpsert ? "upsert" : "event";
  }
  head["status"] = status_of(letter);
  head["reason"] = letter.reason;
  head["attempts"] = letter.attempts;
  head["at"] = iso8601_utc(letter.at_unix_s * 1000);
  head["receipts"] = operations.size() + letter.damaged.size();
  std::string entry = head.dump(-1, ' ', false, Json::error_handler_t::replace);
  entry.pop_back();
  return entry + R"(,"item":)" + (is_whole ? item_as_sent(operations) : "null");
}

}  // namespace

std::string dead_letter_entry(const DeadLetter& letter) {
  return open_entry(letter, operations_of(letter)) + '}';
}

std::string dead_letter_report(const DeadLetter& letter) {
  const auto operations = operations_of(letter);
  std::string report = open_entry(letter, operations) + R"(,"operations":[)";
  const char* separator = "";
  for (std::size_t i = 0; i < operations.size(); ++i) {
    report += separator + pending_entry(letter.operations.rows()[i], operations[i]);
    separator = ",";
  }
  for (const Receipt receipt : letter.damaged) {
    report += separator + (R"({"receipt":)" + std::to_string(receipt) + R"(,"damaged":true})");
    separator = ",";
  }
  return report + "]}";
}

void look_up(Outbox& outbox, Receipt receipt, Done<ReceiptReport> done) {
  outbox.ask<ReceiptReport>(
      [receipt](OutboxQueries& stored) -> Result<ReceiptReport> {
        auto letter = stored.dead_letter_of(receipt);
        if (!letter) return tl::make_unexpected(letter.error());
        if (*letter) return ReceiptReport{receipt, ReceiptState::kDead, *std::move(letter), {}};
        return stored.state(receipt).map([receipt](ReceiptState state) {
          return ReceiptReport{receipt, state, std::nullopt, {}};
        });
      },
      [&outbox, done = std::move(done)](Result<ReceiptReport> report) {
        if (report) report->why_unknown = why_unknown(report->state, outbox.stats());
        done(std::move(report));
      });
}

std::string receipt_json(const ReceiptReport& report) {
  Json body = {{"receipt", report.receipt}, {"state", name_of(report.state)}};
  if (report.letter) {
    body["dead_letter"] = report.letter->id;
    body["reason"] = report.letter->reason;
    body["status"] = status_of(*report.letter);
  }
  if (!report.why_unknown.empty()) body["reason"] = report.why_unknown;
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace flowmyna
