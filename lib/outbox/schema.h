#pragma once

#include "outbox/sqlite.h"

namespace flowmyna {

/// The schema's version, in the file's `user_version`. A file of an older version is migrated in
/// one transaction when it is opened; one of a newer version is refused and left as it is.
///
///     operation   what is pending or sealed; seq is the receipt
///     seal        requests that left or are about to; see Seal
///     letter      one a dead item: the API's words; dead: its operations, out of delivery's way
///     dropped     ranges of receipts that a person gave up; neighbours are one range
///     folded      of a row, pending or dead, into which later ones were folded: the last of them,
///                 and how many
///     arrival     exports of other outboxes, by id: how many lines of each are here
///     state       one row of lifetime counters. `accepted` is written only when operations leave:
///                 until then the highest receipt is in `operation` itself, and an acceptance
///                 touches no second page.
///
/// There is no index besides the keys on what delivery reads: it reads in order of receipts, and
/// every index would be written once more for each operation. `dead` has one by letter; it is
/// written when an item dies.
inline constexpr int kSchemaVersion = 4;

/// kUnsupported when the file is of a newer version. Only reads.
Result<void> check_version(const sqlite::Connection& connection);

/// Brings a file that passed `check_version` to kSchemaVersion.
Result<void> migrate(const sqlite::Connection& connection);

}  // namespace flowmyna
