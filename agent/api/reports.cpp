#include "agent/api/reports.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/timestamp.h"

namespace flowmyna {
namespace {

using Json = nlohmann::ordered_json;

/// A moment of this run, as the wall clock has it now: it may have been set since.
Json time_or_null(const std::optional<BootTime>& at, const Snapshot& snapshot) {
  if (!at) return nullptr;
  return iso8601_utc(snapshot.unix_now_ms - (snapshot.boot_now - *at).count());
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

double in_seconds(std::chrono::milliseconds time) {
  return static_cast<double>(time.count()) / 1e3;
}

std::int64_t whole_seconds(std::chrono::milliseconds time) {
  return std::chrono::floor<std::chrono::seconds>(time).count();
}

Json seconds_or_null(const std::optional<std::chrono::milliseconds>& time) {
  return time ? Json(in_seconds(*time)) : Json(nullptr);
}

/// The status of the last answer; null when there was none.
Json answer_of(const StuckItem& item) {
  return item.status == 0 ? Json(nullptr) : Json(item.status);
}

Json stuck_json(const DeliveryStatus& delivery) {
  Json out = {{"operations", delivery.stuck_operations},
              {"oldest_receipt", nullptr},
              {"oldest_for_seconds", nullptr},
              {"attempts", nullptr},
              {"status", nullptr},
              {"last_error", nullptr}};
  const auto& oldest = delivery.oldest_stuck;
  if (!oldest || oldest->members.empty()) return out;
  out["oldest_receipt"] = oldest->members.front();
  out["oldest_for_seconds"] = whole_seconds(oldest->for_so_long);
  out["attempts"] = oldest->attempts;
  out["status"] = answer_of(*oldest);
  out["last_error"] = text_or_null(oldest->reason);
  return out;
}

Json endpoint_json(const EndpointStatus& endpoint) {
  return {{"state", name_of(endpoint.state)},
          {"next_attempt_in_seconds", seconds_or_null(endpoint.next_attempt_in)},
          {"last_error", text_or_null(endpoint.last_error)}};
}

Json endpoints_json(const DeliveryStatus& delivery) {
  Json out = Json::object();
  for (std::size_t i = 0; i < kEndpointNames.size(); ++i) {
    out[kEndpointNames[i]] = endpoint_json(delivery.endpoints[i]);
  }
  return out;
}

Json outbox_json(const Snapshot& snapshot) {
  const OutboxStats& outbox = snapshot.outbox;
  const auto age = oldest_age(snapshot);
  return {{"state", name_of(outbox.state)},
          {"last_error", text_or_null(outbox.last_error)},
          {"pending", outbox.pending()},
          {"oldest_age_seconds", age ? Json(age->count()) : Json(nullptr)},
          {"size_bytes", outbox.size_bytes},
          {"quota_bytes", outbox.quota_bytes},
          {"lost", outbox.lost},
          {"lost_is_exact", outbox.lost_is_exact},
          {"damaged_file", text_or_null(outbox.damaged_file)},
          {"epoch", outbox.epoch},
          {"doubtful_through", outbox.doubtful_through},
          {"dead_letters", outbox.dead}};
}

Json delivery_json(const Snapshot& snapshot) {
  const DeliveryStatus& delivery = snapshot.delivery;
  Json out = {{"state", name_of(delivery.state)},
              {"next_attempt_in_seconds", seconds_or_null(delivery.next_attempt_in)},
              {"last_success", time_or_null(delivery.last_success_at, snapshot)},
              {"last_error", text_or_null(delivery.last_error)},
              {"accepted", snapshot.outbox.accepted}};
  const Counters counters = counters_to_tell(snapshot);
  for (const CounterInfo& counter : kCounters) {
    if (counter.part == StatusPart::kDelivery) out[counter.name] = counters.*counter.value;
  }
  out["stuck"] = stuck_json(delivery);
  out["endpoints"] = endpoints_json(delivery);
  return out;
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::optional<std::chrono::seconds> oldest_age(const Snapshot& snapshot) {
  if (!snapshot.oldest_unix_s) return std::nullopt;
  const std::chrono::seconds age(snapshot.unix_now_ms / 1000 - *snapshot.oldest_unix_s);
  const auto longest =
      snapshot.oldest_is_of_this_run ? snapshot.uptime : std::chrono::seconds::max();
  return std::clamp(age, std::chrono::seconds(0), longest);
}

Counters counters_to_tell(const Snapshot& snapshot) {
  Counters counters = snapshot.outbox;
  counters.duplicates_possible += snapshot.delivery.duplicates_unsettled;
  return counters;
}

const char* name_of(ReceiptState state) {
  switch (state) {
    case ReceiptState::kPending:
      return "pending";
    case ReceiptState::kDelivered:
      return "delivered";
    case ReceiptState::kDead:
      return "dead";
    case ReceiptState::kDropped:
      return "dropped";
    case ReceiptState::kUnknown:
    case ReceiptState::kMaybeLost:
    case ReceiptState::kMaybeFolded:
      break;
  }
  return "unknown";
}

const char* name_of(OutboxState state) {
  switch (state) {
    case OutboxState::kOk:
      return "ok";
    case OutboxState::kFull:
      return "full";
    case OutboxState::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string status_json(const Snapshot& snapshot) {
  return dumped({{"version", FLOWMYNA_VERSION},
                 {"uptime_seconds", snapshot.uptime.count()},
                 {"outbox", outbox_json(snapshot)},
                 {"delivery", delivery_json(snapshot)}});
}

HttpResponse health_answer(const Snapshot& snapshot) {
  const DeliveryStatus& delivery = snapshot.delivery;
  const Json agent = {{"version", FLOWMYNA_VERSION},
                      {"state", name_of(delivery.state)},
                      {"pending", snapshot.outbox.pending()},
                      {"stuck", delivery.stuck_operations}};
  HttpResponse response;
  Json body = Json::parse(delivery.health_body, nullptr, false);
  if (!body.is_object()) {
    response.status = 503;
    response.retry_after_seconds = 5;
    body = {{"detail", "the API has not been reached yet: " +
                           (delivery.last_error.empty() ? "trying" : delivery.last_error)}};
  } else {
    body["age_seconds"] = whole_seconds(snapshot.boot_now - delivery.health_at);
  }
  body["agent"] = agent;
  response.body = dumped(body);
  return response;
}

std::string pending_entry(const Window::Row& row, const Operation& operation) {
  std::string json;
  operation.append_json(json);
  std::string entry = R"({"receipt":)" + std::to_string(row.receipt) + R"(,"kind":)";
  entry += operation.kind == Kind::kUpsert ? R"("upsert")" : R"("event")";
  entry += R"(,"accepted_at":")" + iso8601_utc(row.accepted_unix_s * 1000) + R"(",)";
  return entry + json.substr(1);
}

std::string stuck_entry(const Window::Row& row, const Operation& operation, const StuckItem& item) {
  Json others = Json::array();
  for (const Receipt member : item.members) {
    if (member != row.receipt) others.push_back(member);
  }
  const Json stuck = {{"attempts", item.attempts},
                      {"status", answer_of(item)},
                      {"last_error", text_or_null(item.reason)},
                      {"for_seconds", whole_seconds(item.for_so_long)},
                      {"next_attempt_in_seconds", in_seconds(item.next_attempt_in)},
                      {"with", others}};
  std::string entry = pending_entry(row, operation);
  entry.pop_back();
  return entry + R"(,"stuck":)" + dumped(stuck) + '}';
}

}  // namespace flowmyna
