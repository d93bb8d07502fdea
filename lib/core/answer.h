#pragma once

#include <cstdint>
#include <string>

namespace flowmyna {

/// What came back for a request, as the transport saw it.
struct Answer {
  enum class Delivery : std::uint8_t {
    kAnswered,  ///< a complete HTTP answer
    kNotSent,   ///< certain: nothing of the request reached the other side
    kLost,      ///< it may have been processed; no complete answer came
  };
  /// What keeps every request from leaving until a person mends it; with kNotSent.
  enum class Obstacle : std::uint8_t {
    kNone,
    kNoKey,          ///< there is no usable key yet
    kMisconfigured,  ///< another setting that only delivery needs, such as api.ca_file, is of no
                     ///< use
  };
  Delivery delivery = Delivery::kAnswered;
  Obstacle obstacle = Obstacle::kNone;
  bool timed_out = false;  ///< kLost, since nothing moved for as long as that may last
  int status = 0;          ///< HTTP status; 0 unless answered
  std::string body;
  std::string content_type;
  std::string retry_after;       ///< header Retry-After, as written
  std::string rate_limit_reset;  ///< header X-RateLimit-Reset, as written
  std::string date;              ///< header Date, as written
  std::uint32_t sends = 1;       ///< how often the transport put the request on the wire
  std::string error;             ///< in an operator's words; empty when answered
};

}  // namespace flowmyna
