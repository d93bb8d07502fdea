#pragma once

#include <string>
#include <vector>

#include "core/compaction.h"
#include "core/outbox.h"
#include "core/seal.h"
#include "model_operation.h"

namespace flowmyna::simulation {

// What the outbox has done, for the trace.

std::string list(const std::vector<Receipt>& receipts);
/// Accepted.
std::string describe(Receipt first, const std::vector<ModelOperation>& models);
std::string describe(const Settlement& settlement);
std::string describe(const Seal& seal);
/// Taken away from the dead letters: dropped, or returned to the backlog.
std::string describe(const DeadLetters& taken, bool drops);

}  // namespace flowmyna::simulation
