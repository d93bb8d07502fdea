#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowmyna {

/// One request as it came in; the door never looks into the body.
struct HttpRequest {
  std::string method;        ///< as written, e.g. "POST"
  std::string path;          ///< without the query, as written (not percent-decoded)
  std::string query;         ///< what stands behind '?', raw; empty when there is none
  std::string content_type;  ///< header value as written, empty when absent
  std::string prefer;        ///< header value as written, empty when absent
  /// The body. `body.capacity() >= body.size() + kBodyPadding`, so that a SIMD parser may read
  /// past the end without a copy.
  std::string body;
};

inline constexpr std::size_t kBodyPadding = 64;

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  int retry_after_seconds = 0;  ///< header Retry-After when positive
  std::string allow;            ///< header Allow when not empty (405)
};

/// The way back to one waiting client. Move-only; `send` may be called once, from any thread, at
/// any time until the door is gone. A Responder that is destroyed without `send` answers 503.
class Responder {
 public:
  class Channel;
  explicit Responder(std::shared_ptr<Channel> channel);
  ~Responder();
  Responder(Responder&&) noexcept;
  Responder& operator=(Responder&&) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  void send(HttpResponse response);

 private:
  std::shared_ptr<Channel> channel_;
};

/// Called on the door's thread for each complete request; must not block. It may answer at once
/// or keep the Responder and answer later from another thread.
using HttpHandler = std::function<void(HttpRequest, Responder)>;

}  // namespace flowmyna
