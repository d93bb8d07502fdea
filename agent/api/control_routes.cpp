// What people tell delivery to do.

#include "agent/api/responses.h"
#include "agent/api/route.h"

namespace flowmyna {
namespace {

void flush(Backend& backend, const HttpRequest&, Responder responder) {
  backend.delivery.post(&DeliveryActions::flush);
  responder.send(
      json(200, "{\"pending\":" + std::to_string(backend.outbox.stats().pending()) + "}"));
}

void pause(Backend& backend, const HttpRequest&, Responder responder) {
  backend.delivery.post(&DeliveryActions::pause);
  responder.send(json(200, R"({"state":"paused"})"));
}

void resume(Backend& backend, const HttpRequest&, Responder responder) {
  backend.delivery.post(&DeliveryActions::resume);
  responder.send(json(200, R"({"state":"delivering"})"));
}

}  // namespace

std::span<const Route> control_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/agent/v1/flush", &flush},
      {"POST", "/agent/v1/pause", &pause},
      {"POST", "/agent/v1/resume", &resume},
  };
  return kRoutes;
}

}  // namespace flowmyna
