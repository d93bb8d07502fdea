#pragma once

#include <cstdint>

#include "bench/server.h"
#include "bench/suite.h"
#include "core/result.h"

namespace flowmyna::bench {

struct DrainResult {
  double operations_per_s = 0;
  double anonymous_bytes_max = 0;  ///< the agent's, as seen while it drained
  double resident_bytes_max = 0;
};

/// Stops delivery, and has the agent accept `operations` more from message `first` on.
Result<void> fill(const Server& agent, Messages messages, std::uint64_t operations);

/// How many operations the agent has delivered so far.
Result<std::uint64_t> delivered_by(const Server& agent);

/// Lets delivery go on and watches it until `operations` are delivered. The rate is taken from the
/// first tenth on, since what comes before is one probe and one request that goes alone; unless
/// half of them are delivered before anybody looks.
Result<DrainResult> drain(const Server& agent, std::uint64_t operations);

}  // namespace flowmyna::bench
