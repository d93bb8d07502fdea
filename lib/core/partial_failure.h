#pragma once

#include "core/batch_answer.h"
#include "core/judge.h"

namespace flowmyna {

/// The verdict on a 200 in which some items failed: which ones, why, and whether this API counts
/// them from 0 or from 1.
///
/// Which ones failed is known when all did, when `objects` tells, when each error names another
/// position and it is known where counting begins, or when each names another item by its contents.
/// Otherwise each item has to be sent alone, and an event may then be recorded twice.
Verdict judge_partial(const JudgedRequest& request, const BatchAnswer& answer, IndexBase base);

}  // namespace flowmyna
