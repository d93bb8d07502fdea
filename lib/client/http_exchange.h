#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "client/unix_stream.h"
#include "flowmyna/client.h"

namespace flowmyna::client {

/// No answer. The caller needs to know above all whether the request may have had an effect.
struct LostExchange {
  bool maybe_processed = false;
  bool is_final = false;  ///< no time is left, or no agent is there: trying again is useless
  std::string why;
};

struct Exchanged {
  Response response;
  bool keep_alive = true;
};

/// An answer that is larger is taken for broken. The largest real one is the list of receipts of a
/// full batch, 200 KB.
inline constexpr std::size_t kMaxHeadBytes = 64 * 1024;
inline constexpr std::size_t kMaxBodyBytes = 64 * 1024 * 1024;

/// One request and its answer over HTTP/1.1 (RFC 9112), as much of it as the agent speaks: bodies
/// with a Content-Length, no pipelining, no chunks.
///
/// cpp-httplib was considered and rejected: Debian builds it with send flags 0, so a write to a
/// connection that the agent has just closed raises SIGPIPE in the application; its time-outs are
/// per read, not per call; and it does not tell a request that was never read (ECONNRESET) from one
/// whose answer was lost, on which the promise about duplicate events rests.
tl::expected<Exchanged, LostExchange> exchange(UnixStream& stream, const Request& request,
                                               Deadline deadline);

/// The request as it goes over the wire.
std::string wire_bytes(const Request& request);

}  // namespace flowmyna::client
