#pragma once

#include "core/batch_answer.h"
#include "core/judge.h"

namespace flowmyna {

/// The verdict on a 200 in which some items failed: which ones, why, and from what this API counts.
///
/// Which failed is known when all did, when `objects` tells, when each error names another position
/// and it is known from what they count, or when each names another item by its contents. Otherwise
/// each item has to go alone, and an event may then be recorded twice.
Verdict judge_partial(const JudgedRequest& request, const BatchAnswer& answer, IndexBase base);

}  // namespace flowmyna
