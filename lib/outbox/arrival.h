#pragma once

#include <optional>

#include "outbox/storage.h"

namespace flowmyna {

/// Why a piece of an export cannot be taken in now, or nothing: another piece is due (kInvalid), or
/// what Storage::admit says. Within a transaction, which it leaves as it is.
Result<std::optional<Error>> objection_to(Storage& storage, const Arrival& piece);

/// Takes a piece in, within a transaction: its operations get the next receipts, in their order;
/// those of letters are dead at once, as they were over there.
Result<void> take_in(Storage& storage, const Arrival& piece);

}  // namespace flowmyna
