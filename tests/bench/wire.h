#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bench/message.h"

namespace flowmyna::bench {

/// What a client sees of the bytes that have come so far.
struct WireAnswer {
  std::size_t size = 0;  ///< 0: not all of it is there
  bool accepted = false;
};

/// How requests and answers look on a connection: the same client loop speaks to everybody.
class Wire {
 public:
  virtual ~Wire() = default;
  /// Appends a request with the messages from `first` on; gives how many it carries.
  virtual std::size_t append_request(std::string& out, std::uint64_t first) const = 0;
  virtual WireAnswer read_answer(std::string_view received) const = 0;
};

/// HTTP/1.1 as the agent takes it: one upsert, or `batch` of them as NDJSON when that is above 1.
std::unique_ptr<Wire> http_wire(Messages messages, std::size_t batch = 1);

/// Redis: XADD of one message to a stream (RESP, https://redis.io/docs/reference/protocol-spec).
std::unique_ptr<Wire> redis_wire(Messages messages);

}  // namespace flowmyna::bench
