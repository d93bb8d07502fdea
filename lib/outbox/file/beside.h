#pragma once

#include "core/window.h"
#include "outbox/file/open_outbox.h"

namespace flowmyna {

/// An operation that has no row was delivered, unless its row is there under a damaged key. So
/// before that is said, this checks the rows next to the place where its row would be, in the
/// backlog, the dead letters and the fold map: one with a damaged key is among them. kCorrupt when
/// one is not what it should be. (A dead letter whose content is damaged does not matter: it stays
/// where it is, for people.)
Result<void> check_beside(OpenOutbox& open, Receipt receipt);

}  // namespace flowmyna
