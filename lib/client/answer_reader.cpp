#include "client/answer_reader.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace flowmyna::client {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kQuotedBytes = 200;

Error unexpected(const Response& response, std::string_view missing) {
  return {ErrorKind::kUnexpectedAnswer,
          "the answer is not from a flowmyna-agent (" + std::string(missing) +
              "): " + response.body.substr(0, kQuotedBytes),
          response.status,
          {},
          {}};
}

Json parse(const Response& response) {
  return Json::parse(response.body, nullptr, false);
}

const Json& at(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string text(const Json& value) {
  if (value.is_null()) return {};
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_queued(const Json& body) {
  const Json& queued = at(body, "queued");
  return !queued.is_boolean() || queued.get<bool>();
}

std::uint64_t count(const Json& value) {
  return value.is_number_integer() ? value.get<std::uint64_t>() : 0;
}

std::optional<double> seconds(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

/// `index I: reason`, the form that the agent promises.
ItemError item_error(const std::string& line) {
  static constexpr std::string_view kPrefix = "index ";
  ItemError error{0, line};
  if (!line.starts_with(kPrefix)) return error;
  const char* const end = line.data() + line.size();
  const auto [stop, failed] = std::from_chars(line.data() + kPrefix.size(), end, error.index);
  if (failed == std::errc() && std::string_view(stop, end).starts_with(": ")) {
    error.reason.assign(stop + 2, end);
  }
  return error;
}

ErrorKind kind_of(int status) {
  switch (status) {
    case 429:
      return ErrorKind::kBusy;
    case 503:
      return ErrorKind::kStopping;
    case 507:
      return ErrorKind::kOutboxFull;
    default:
      return status >= 400 && status < 500 ? ErrorKind::kRefused : ErrorKind::kUnexpectedAnswer;
  }
}

/// `detail` for people: the text, or the `loc: msg` of every entry.
std::string readable(const Json& detail) {
  if (!detail.is_array()) return text(detail);
  std::string all;
  for (const auto& entry : detail) {
    if (!all.empty()) all += "; ";
    std::string where;
    const Json& loc = at(entry, "loc");
    if (loc.is_array()) {
      for (const auto& part : loc) where += (where.empty() ? "" : ".") + text(part);
    }
    all += where.empty() ? text(at(entry, "msg")) : where + ": " + text(at(entry, "msg"));
  }
  return all;
}

Status::Outbox read_outbox(const Json& outbox) {
  Status::Outbox result;
  result.state = text(at(outbox, "state"));
  result.last_error = text(at(outbox, "last_error"));
  result.lost = count(at(outbox, "lost"));
  result.lost_is_exact = at(outbox, "lost_is_exact") != Json(false);
  result.damaged_file = text(at(outbox, "damaged_file"));
  result.epoch = count(at(outbox, "epoch"));
  result.doubtful_through = count(at(outbox, "doubtful_through"));
  result.pending = count(at(outbox, "pending"));
  result.oldest_age_seconds = seconds(at(outbox, "oldest_age_seconds"));
  result.size_bytes = count(at(outbox, "size_bytes"));
  result.quota_bytes = count(at(outbox, "quota_bytes"));
  result.dead_letters = count(at(outbox, "dead_letters"));
  return result;
}

Status::Delivery::Stuck read_stuck(const Json& stuck) {
  Status::Delivery::Stuck result;
  result.operations = count(at(stuck, "operations"));
  result.oldest_receipt = count(at(stuck, "oldest_receipt"));
  result.oldest_for_seconds = seconds(at(stuck, "oldest_for_seconds")).value_or(0);
  result.attempts = count(at(stuck, "attempts"));
  result.status = static_cast<int>(count(at(stuck, "status")));
  result.last_error = text(at(stuck, "last_error"));
  return result;
}

Status::Delivery::Endpoint read_endpoint(const Json& endpoint) {
  return {text(at(endpoint, "state")), seconds(at(endpoint, "next_attempt_in_seconds")),
          text(at(endpoint, "last_error"))};
}

Status::Delivery read_delivery(const Json& delivery) {
  Status::Delivery result;
  result.state = text(at(delivery, "state"));
  result.next_attempt_in_seconds = seconds(at(delivery, "next_attempt_in_seconds"));
  result.last_success = text(at(delivery, "last_success"));
  result.last_error = text(at(delivery, "last_error"));
  result.accepted = count(at(delivery, "accepted"));
  result.delivered = count(at(delivery, "delivered"));
  result.coalesced = count(at(delivery, "coalesced"));
  result.requests = count(at(delivery, "requests"));
  result.duplicates_possible = count(at(delivery, "duplicates_possible"));
  result.dropped = count(at(delivery, "dropped"));
  result.stuck = read_stuck(at(delivery, "stuck"));
  result.object = read_endpoint(at(at(delivery, "endpoints"), "object"));
  result.event = read_endpoint(at(at(delivery, "endpoints"), "event"));
  return result;
}

}  // namespace

std::optional<Error> error_of(const Response& response) {
  if (response.status == 200) return std::nullopt;
  const Json body = parse(response);
  const Json& detail = at(body, "detail");
  Error error{kind_of(response.status), {}, response.status, {}, response.retry_after};
  if (!detail.is_null()) {
    error.detail = detail.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  const std::string said =
      detail.is_null() ? response.body.substr(0, kQuotedBytes) : readable(detail);
  error.message = "the agent answered " + std::to_string(response.status) + ": " + said;
  return error;
}

Result<Accepted> read_accepted(const Response& response) {
  const Json body = parse(response);
  if (!at(body, "receipt").is_number_unsigned()) return unexpected(response, "no receipt");
  const Json& object_id = at(body, "object_id");
  const Json& created = at(body, "created");
  return Accepted{count(at(body, "receipt")),
                  text(object_id.is_null() ? at(body, "event_id") : object_id), is_queued(body),
                  created.is_boolean() ? std::optional(created.get<bool>()) : std::nullopt};
}

Result<AcceptedBatch> read_accepted_batch(const Response& response) {
  const Json body = parse(response);
  const Json& receipts = at(body, "receipts");
  if (!receipts.is_array()) return unexpected(response, "no receipts");
  AcceptedBatch batch;
  batch.queued = is_queued(body);
  for (const auto& receipt : receipts) {
    if (!receipt.is_number_unsigned()) return unexpected(response, "a receipt is not a number");
    batch.receipts.push_back(receipt.get<std::uint64_t>());
  }
  const Json& errors = at(body, "errors");
  if (errors.is_array()) {
    for (const auto& line : errors) batch.errors.push_back(item_error(text(line)));
  }
  return batch;
}

Result<Fate> read_fate(const Response& response) {
  const Json body = parse(response);
  if (!at(body, "receipt").is_number_unsigned()) return unexpected(response, "no receipt");
  if (!at(body, "state").is_string()) return unexpected(response, "no state");
  Fate fate;
  fate.receipt = count(at(body, "receipt"));
  fate.state = text(at(body, "state"));
  fate.reason = text(at(body, "reason"));
  fate.dead_letter = count(at(body, "dead_letter"));
  fate.status = static_cast<int>(count(at(body, "status")));
  return fate;
}

Result<Status> read_status(const Response& response) {
  const Json body = parse(response);
  if (!at(body, "outbox").is_object()) return unexpected(response, "no outbox");
  if (!at(body, "delivery").is_object()) return unexpected(response, "no delivery");
  Status status;
  status.version = text(at(body, "version"));
  status.uptime_seconds = seconds(at(body, "uptime_seconds")).value_or(0);
  status.outbox = read_outbox(at(body, "outbox"));
  status.delivery = read_delivery(at(body, "delivery"));
  return status;
}

}  // namespace flowmyna::client
