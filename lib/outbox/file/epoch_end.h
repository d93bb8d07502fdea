#pragma once

#include <optional>

#include "outbox/file/open_outbox.h"
#include "outbox/tables/epoch.h"

namespace flowmyna {

/// Ends the epoch of an outbox that was put back or copied. If events of unknown outcome are to be
/// held, all that wait and are not sealed become dead letters first, in steps that a crash may
/// interrupt: the next start finds the same file and goes on. (What is sealed the foreman sends or
/// holds, as after any start.)
Result<void> end_epoch(OpenOutbox& open, const Provenance& file,
                       const std::optional<OutboxMark>& seen, const StorageOptions& options);

}  // namespace flowmyna
