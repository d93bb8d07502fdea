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
///     damage      one row a damaged file from which this one was salvaged: when, its name, and how
///                 many operations were kept and lost; see Salvaged (salvage.h)
///     lost        ranges of receipts that may have been lost then
///     state       one row of lifetime counters. `accepted` is written only when operations leave:
///                 until then the highest receipt is in `operation` itself, and an acceptance
///                 touches no second page.
///
/// There is no index besides the keys on what delivery reads: it reads in order of receipts, and
/// every index would be written once more for each operation. `dead` has one by letter; it is
/// written when an item dies.
inline constexpr int kSchemaVersion = 5;

/// Before the first table of a new file: it can give space back.
inline constexpr const char* kNewFilePragma = "PRAGMA auto_vacuum = INCREMENTAL";

/// kUnsupported when the file is of a newer version, kCorrupt when it is no outbox. Only reads.
Result<void> check_version(const sqlite::Connection& connection);

/// Brings a file that passed `check_version` to this version, or leaves it as it is: kCorrupt when
/// something stands in the way.
Result<void> migrate(const sqlite::Connection& connection, int version = kSchemaVersion);

/// kCorrupt unless every table is there as `migrate` makes it, and begins where it should: on the
/// same page in every file of a version, since SQLite gathers the roots at the front of a file that
/// can shrink (sqlite.org/fileformat2.html, "Pointer Map or Ptrmap Pages").
Result<void> check_tables(const sqlite::Connection& connection);

/// The first page of an empty file of this version, which tells where each table begins: it can
/// stand in for one that is damaged. The file is as long as it is, for this page does not tell.
Result<std::string> first_page(int version);

}  // namespace flowmyna
