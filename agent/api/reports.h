#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/http/message.h"
#include "core/outbox.h"
#include "delivery/delivery_status.h"

namespace flowmyna {

/// The JSON and text that people and monitoring read. Pure.

/// What a report is made from.
struct Snapshot {
  std::int64_t unix_now_ms = 0;
  BootTime boot_now{0};
  std::chrono::seconds uptime{0};
  OutboxStats outbox;
  std::optional<std::int64_t> oldest_unix_s;  ///< acceptance of the oldest pending operation
  bool oldest_is_of_this_run = false;         ///< it was accepted since the agent started
  DeliveryStatus delivery;
};

/// How long the oldest operation has been waiting. Its acceptance was noted by the wall clock,
/// which may have been set since; so the age is never negative, and for an operation of this run
/// never longer than the run.
std::optional<std::chrono::seconds> oldest_age(const Snapshot& snapshot);

/// The counters as they are reported. An event that may be recorded more than once is added to the
/// stored counter when its request is settled, but reported as soon as it is sent again.
Counters counters_to_tell(const Snapshot& snapshot);

/// What DeliveryStatus::endpoints are called, in their order.
inline constexpr std::array kEndpointNames = {"object", "event"};

const char* name_of(ReceiptState state);
const char* name_of(OutboxState state);

/// `GET /agent/v1/status`
std::string status_json(const Snapshot& snapshot);

/// `GET /api/public/v1/health`: the API's own last answer with its age; 503 before the first.
HttpResponse health_answer(const Snapshot& snapshot);

/// `GET /metrics`, in the Prometheus text format.
std::string metrics_text(const Snapshot& snapshot);

/// One entry of `GET /agent/v1/pending`; values as they were written. `operation` points into
/// the row.
std::string pending_entry(const Window::Row& row, const Operation& operation);

/// The same of an operation that is stuck, with what is known of its item.
std::string stuck_entry(const Window::Row& row, const Operation& operation, const StuckItem& item);

}  // namespace flowmyna
