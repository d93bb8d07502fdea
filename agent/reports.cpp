#include "agent/reports.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/system_clock.h"

namespace flowmyna {
namespace {

using Json = nlohmann::ordered_json;

Json time_or_null(const std::optional<std::int64_t>& unix_ms) {
  return unix_ms ? Json(iso8601_utc(*unix_ms)) : Json(nullptr);
}

Json oldest_age(const Snapshot& snapshot) {
  if (!snapshot.oldest_unix_s) return nullptr;
  // The wall clock may have been set back since.
  return std::max<std::int64_t>(0, snapshot.unix_now_ms / 1000 - *snapshot.oldest_unix_s);
}

}  // namespace

const char* name_of(DeliveryState state) {
  switch (state) {
    case DeliveryState::kIdle:
      return "idle";
    case DeliveryState::kDelivering:
      return "delivering";
    case DeliveryState::kBackingOff:
      return "backing_off";
    case DeliveryState::kUnauthorized:
      return "unauthorized";
    case DeliveryState::kPaused:
      return "paused";
    case DeliveryState::kMisconfigured:
      return "misconfigured";
  }
  return "unknown";
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
  const OutboxStats& outbox = snapshot.outbox;
  const DeliveryStatus& delivery = snapshot.delivery;
  Json next = nullptr;
  if (delivery.next_attempt_in) next = static_cast<double>(delivery.next_attempt_in->count()) / 1e3;
  const Json report = {
      {"version", FLOWMYNA_VERSION},
      {"uptime_seconds", snapshot.uptime.count()},
      {"outbox",
       {{"state", name_of(outbox.state)},
        {"last_error", outbox.last_error.empty() ? Json(nullptr) : Json(outbox.last_error)},
        {"pending", outbox.pending()},
        {"oldest_age_seconds", oldest_age(snapshot)},
        {"size_bytes", outbox.size_bytes},
        {"quota_bytes", outbox.quota_bytes},
        {"dead_letters", outbox.dead}}},
      {"delivery",
       {{"state", name_of(delivery.state)},
        {"next_attempt_in_seconds", next},
        {"last_success", time_or_null(delivery.last_success_unix_ms)},
        {"last_error", delivery.last_error.empty() ? Json(nullptr) : Json(delivery.last_error)},
        {"accepted", outbox.accepted},
        {"delivered", outbox.delivered},
        {"dropped", outbox.dropped},
        {"coalesced", outbox.coalesced},
        {"requests", outbox.requests},
        {"duplicates_possible", outbox.duplicates_possible}}},
  };
  return report.dump(-1, ' ', false, Json::error_handler_t::replace);
}

HttpResponse health_answer(const Snapshot& snapshot) {
  const DeliveryStatus& delivery = snapshot.delivery;
  const Json agent = {{"version", FLOWMYNA_VERSION},
                      {"state", name_of(delivery.state)},
                      {"pending", snapshot.outbox.pending()}};
  HttpResponse response;
  Json body = Json::parse(delivery.health_body, nullptr, false);
  if (!body.is_object()) {
    response.status = 503;
    response.retry_after_seconds = 5;
    body = {{"detail", "the API has not been reached yet: " +
                           (delivery.last_error.empty() ? "trying" : delivery.last_error)}};
  } else {
    body["age_seconds"] =
        std::max<std::int64_t>(0, (snapshot.unix_now_ms - delivery.health_unix_ms) / 1000);
  }
  body["agent"] = agent;
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
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

}  // namespace flowmyna
