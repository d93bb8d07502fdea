#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "stand_in/faults.h"

namespace flowmyna::stand_in {

/// How an answer ends on the wire.
enum class Ending {
  kAnswered,
  kTruncated,  ///< the head announces the whole body, half of it is sent, then closed
  kCut,        ///< closed without a byte
  kHanging,    ///< nothing is sent; closed when the faults are cleared or the server ends
};

struct Reply {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers;
  Ending ending = Ending::kAnswered;
  std::chrono::milliseconds delay{0};  ///< waits so long before it is sent

  bool has_date = true;
  std::string date;                             ///< instead of a date; empty: the clock's
  std::chrono::seconds date_skew{0};            ///< added to the clock's
  bool close = false;                           ///< the connection, once it is sent
  std::optional<std::uint64_t> idle_timeout_s;  ///< after which the connection is closed
};

/// One request and its answer. Owned by the HTTP server; touched by one thread at a time.
struct Exchange {
  std::string method;
  std::string path;  ///< percent-decoded, without the query
  std::map<std::string, std::string> query;
  std::string authorization;
  std::string api_key;
  std::string idempotency_key;
  std::string content_type;
  std::string accept_encoding;
  std::string body;

  FaultDecision faults;
  std::chrono::milliseconds delay_before{0};  ///< waits so long before it is handled at all
  bool sync_when_answered = false;            ///< the faults changed over the API's own listener
  bool cut_when_answered = false;             ///< and what hangs is to be cut

  Reply reply;
};

}  // namespace flowmyna::stand_in
