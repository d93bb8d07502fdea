#include "agent/reports.h"

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

}  // namespace

std::optional<std::chrono::seconds> oldest_age(const Snapshot& snapshot) {
  if (!snapshot.oldest_unix_s) return std::nullopt;
  const std::chrono::seconds age(snapshot.unix_now_ms / 1000 - *snapshot.oldest_unix_s);
  const auto longest =
      snapshot.oldest_is_of_this_run ? snapshot.uptime : std::chrono::seconds::max();
  return std::clamp(age, std::chrono::seconds(0), longest);
}

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
  const auto age = oldest_age(snapshot);
  const Json report = {
      {"version", FLOWMYNA_VERSION},
      {"uptime_seconds", snapshot.uptime.count()},
      {"outbox",
       {{"state", name_of(outbox.state)},
        {"last_error", outbox.last_error.empty() ? Json(nullptr) : Json(outbox.last_error)},
        {"pending", outbox.pending()},
        {"oldest_age_seconds", age ? Json(age->count()) : Json(nullptr)},
        {"size_bytes", outbox.size_bytes},
        {"quota_bytes", outbox.quota_bytes},
        {"lost", outbox.lost},
        {"lost_is_exact", outbox.lost_is_exact},
        {"damaged_file", outbox.damaged_file.empty() ? Json(nullptr) : Json(outbox.damaged_file)},
        {"dead_letters", outbox.dead}}},
      {"delivery",
       {{"state", name_of(delivery.state)},
        {"next_attempt_in_seconds", next},
        {"last_success", time_or_null(delivery.last_success_at, snapshot)},
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
        std::chrono::floor<std::chrono::seconds>(snapshot.boot_now - delivery.health_at).count();
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
