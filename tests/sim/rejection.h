#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "sim/body.h"
#include "sim/dialect.h"
#include "sim/exchange.h"
#include "sim/faults.h"

namespace flowmyna::sim {

/// The items of one request that the rules refuse.
struct Rejection {
  std::optional<Reply> whole;  ///< the answer, when one bad item spoils the whole request
  std::map<std::uint32_t, std::string> errors;  ///< by index, in a partial failure

  bool any() const { return whole || !errors.empty(); }
};

/// Asks the kRejectItems rules that wait in `decision`; of several for one item the first counts.
Rejection reject_items(FaultTable& faults, const FaultDecision& decision, const Dialect& dialect,
                       const RequestFacts& facts);

}  // namespace flowmyna::sim
