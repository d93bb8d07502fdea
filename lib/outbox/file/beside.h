#pragma once

#include "core/window.h"
#include "outbox/file/open_outbox.h"

namespace flowmyna {

/// Before it is said of an operation that it was delivered, since no row of an open file is about
/// it: whether the rows beside the place where it would stand are what they should be, those of the
/// backlog, of the dead letters and of the fold map. A row whose key is damaged is not found under
/// it, and is one of those beside. kCorrupt then. (A dead letter whose content is damaged is none:
/// it stays where it is, for people.)
Result<void> check_beside(OpenOutbox& open, Receipt receipt);

}  // namespace flowmyna
