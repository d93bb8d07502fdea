#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "core/answer.h"
#include "core/seal.h"

namespace flowmyna {

/// A request as it goes onto the wire.
struct OutgoingRequest {
  RequestId id = 0;
  bool is_get = false;          ///< GET without a body; otherwise POST of JSON
  bool may_be_repeated = true;  ///< the transport may put it on the wire again by itself
  std::string path;             ///< below the API's base URL, with a leading slash
  std::string idempotency_key;  ///< empty: none is sent
  /// Must live, unmoved, until the answer.
  const std::string* body = nullptr;
};

/// The network, as delivery sees it. All calls and all answers happen on the delivery thread.
class Transport {
 public:
  using Done = std::function<void(Answer)>;

  virtual ~Transport() = default;
  /// `done` is called exactly once, later, unless the transport is destroyed first.
  virtual void send(const OutgoingRequest& request, Done done) = 0;
  /// Routes, addresses or links changed. Connections that exist are not used for new requests, and
  /// requests whose connection cannot bring an answer any more are answered soon, as kLost or
  /// kNotSent.
  virtual void network_changed() = 0;
};

/// A transport that the delivery thread waits at.
class PolledTransport : public Transport {
 public:
  /// Moves bytes and calls back what is done; waits up to `timeout` for something to do.
  virtual void poll(std::chrono::milliseconds timeout) = 0;
  /// Ends a `poll` that waits, or else the next one. Any thread.
  virtual void wake() = 0;
};

}  // namespace flowmyna
