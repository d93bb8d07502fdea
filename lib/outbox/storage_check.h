#pragma once

#include <cstdint>
#include <string>

#include "outbox/storage.h"

namespace flowmyna {

/// What always holds between two transactions of an outbox that is not damaged, and does not, in
/// words; empty when all does: the counters' equation, row by row; that each sealed operation is
/// there, and sealed once; that no operation waits and is dead. Reads everything, so it is for
/// tests and debug builds.
Result<std::string> broken_invariant(Storage& storage);

/// Of it the counters' equation, row by row.
Result<std::string> broken_equation(Storage& storage);
/// Of that the part that costs nothing.
std::string broken_counters(const OutboxStats& stats);

}  // namespace flowmyna
