#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "core/result.h"

namespace flowmyna::bench {

struct SinkOptions {
  std::uint16_t port = 0;                ///< on the loopback; 0: any
  std::chrono::milliseconds latency{0};  ///< of every answer
  bool hangs = false;                    ///< reads, never answers
};

/// The API for measuring a drain: takes every batch of upserts, and says so in the API's shape
/// after a fixed latency. It remembers nothing and checks nothing, since flowmyna-sim, which does
/// both, would be what is measured. Serves until SIGTERM; `ready` is told the port.
Result<void> serve_sink(const SinkOptions& options,
                        const std::function<void(std::uint16_t port)>& ready);

}  // namespace flowmyna::bench
