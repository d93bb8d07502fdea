#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include "bench/latencies.h"
#include "bench/wire.h"
#include "core/result.h"

namespace flowmyna::bench {

struct LoadOptions {
  std::string socket;        ///< path of a Unix stream socket
  unsigned connections = 1;  ///< each with one request in flight
  /// Ends at whichever comes first. What is under way then is still waited for.
  std::chrono::nanoseconds duration = std::chrono::hours(24);
  std::uint64_t operations = std::numeric_limits<std::uint64_t>::max();
  const std::atomic<bool>* stop = nullptr;
  std::uint64_t first = 1;  ///< number of the first message
  /// How long what is under way at the end is waited for.
  std::chrono::seconds patience{10};
};

struct LoadResult {
  std::uint64_t operations = 0;  ///< accepted
  std::uint64_t refused = 0;     ///< requests with another answer
  std::uint64_t unanswered = 0;  ///< requests that were given up
  double seconds = 0;            ///< from the first request to the last answer
  Latencies latencies;           ///< of each accepted request
  double operations_per_s() const { return static_cast<double>(operations) / seconds; }
};

/// Runs connections against a server from one thread, and as cheaply as a client can: it shares
/// the machine's cores with what it measures. No pipelining: each connection is a writer that goes
/// on once it has its answer, with a request that it has made meanwhile. Fails when the server
/// closes a connection.
Result<LoadResult> run_load(const LoadOptions& options, const Wire& wire);

}  // namespace flowmyna::bench
