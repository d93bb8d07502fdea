#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "stand_in/body.h"
#include "stand_in/dialect.h"
#include "stand_in/exchange.h"
#include "stand_in/faults.h"

namespace flowmyna::stand_in {

/// The items of one request that the rules refuse.
struct Rejection {
  std::optional<Reply> whole;  ///< the answer, when one bad item spoils the whole request
  std::map<std::uint32_t, std::string> errors;  ///< by index, in a partial failure

  bool any() const { return whole || !errors.empty(); }
};

/// Asks the kRejectItems rules that wait in `decision`; of several for one item the first counts.
Rejection reject_items(FaultTable& faults, const FaultDecision& decision, const Dialect& dialect,
                       const RequestFacts& facts);

}  // namespace flowmyna::stand_in
