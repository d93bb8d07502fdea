#pragma once

#include "agent/api/route.h"

namespace flowmyna {

/// Finds the route of a request. One router serves one server, on the server's thread. Outbox,
/// control and clock must outlive every Responder that was handed in.
class Router {
 public:
  Router(Outbox& outbox, DeliveryControl& delivery, const Clock& clock)
      : backend_{outbox, delivery, clock} {}

  void handle(const HttpRequest& request, Responder responder);

 private:
  Backend backend_;
};

}  // namespace flowmyna
