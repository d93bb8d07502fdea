#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "agent/http/message.h"
#include "core/clock.h"
#include "core/decode.h"
#include "core/outbox.h"
#include "delivery/control.h"

namespace flowmyna {

/// What the routes work with. It must outlive every Responder that was handed in.
struct Backend {
  Outbox& outbox;
  DeliveryControl& delivery;
  const Clock& clock;
  const BootTime started_at = clock.boot_now();
  const Receipt accepted_before = outbox.stats().last_receipt;  ///< in earlier runs
  Decoder decoder = {};
};

/// A handler is called on the server's thread and must not block; where it needs the outbox or
/// delivery, it answers on their threads.
struct Route {
  std::string_view method;
  std::string_view path;  ///< a segment `*` stands for any one that is not empty
  void (*handle)(Backend& backend, const HttpRequest& request, Responder responder);
};

/// Of the path /agent/v1/SUBJECT/ID, counted from 0.
inline constexpr std::size_t kIdSegment = 3;

// The routes, by subject. Each list stands at the end of the file that has its handlers.

std::span<const Route> write_routes();
std::span<const Route> report_routes();
std::span<const Route> pending_routes();
std::span<const Route> dead_letter_routes();
std::span<const Route> export_routes();
std::span<const Route> import_routes();
std::span<const Route> backup_routes();
std::span<const Route> control_routes();

}  // namespace flowmyna
