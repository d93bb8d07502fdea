#pragma once

#include <cstdint>

#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// The schema's version, in the file's `user_version`. A file of an older version is migrated in
/// one transaction when it is opened; one of a newer version is refused and left as it is.
///
///     operation   what is pending or sealed; seq is the receipt
///     seal        requests that left or are about to; see Seal
///     letter      one per dead item: the API's words; dead: its operations, out of delivery's way
///     dropped     ranges of receipts that a person gave up; neighbours are one range
///     folded      how many operations were folded into a row, pending or dead. `last` is 0; where
///                 a version before 7 folded, which did not note which ones: any up to `last`
///     fold_map    which ones those are, and what was folded into dropped ones: see FoldMap
///     unmapped    ranges of receipts that had no row when the file came to version 7 and may have
///                 been folded before: neighbours of such rows, or delivered
///     arrival     exports of other outboxes, by id: how many lines of each are here
///     damage      one row per damaged file from which this one was salvaged: when, its name, and
///     how
///                 many operations were kept and lost; see Salvaged (salvage.h)
///     lost        ranges of receipts that may have been lost then, or that were skipped when an
///                 epoch began (epoch.h); those end at a multiple of kEpochReceipts
///     remains     only in a file that was salvaged without enough room: see remains.h
///     state       one row of lifetime counters. `accepted` is the highest receipt, and written
///                 only when operations leave: until then that is in `operation` itself, and an
///                 acceptance touches no second page. `skipped` receipts up to it were never given.
///                 No higher receipt than `sealed_through` was ever sealed; it is written ahead
///                 (SqliteStorage::seal). `epoch` counts how often the file was found to be older
///                 than it had been or elsewhere; -1 - epoch in a backup. `machine` is the one
///                 whose outbox this is.
///
/// There is no index besides the keys on what delivery reads: it reads in order of receipts, and
/// every index would be written once more for each operation. `dead` has one by letter; it is
/// written when an item dies.
inline constexpr int kSchemaVersion = 7;

/// Before the first table of a new file: it can give space back.
inline constexpr const char* kNewFilePragma = "PRAGMA auto_vacuum = INCREMENTAL";

/// An empty outbox of this version, in memory.
Result<sqlite::Connection> empty_outbox(int version);

/// The version of which a file's tables are: the one it tells or, where it tells none although it
/// has tables (the sqlite3 program's .dump leaves it out), the one whose tables are exactly its
/// own. 0: it has no tables. kCorrupt when it is none of these. Only reads.
Result<int> version_of(const sqlite::Connection& connection);

/// kUnsupported when the file is of a newer version or another program's database, kCorrupt when it
/// is neither and no outbox. Only reads.
Result<void> check_version(const sqlite::Connection& connection);

/// Brings a file that passed `check_version` to this version, or leaves it as it is: kCorrupt when
/// something stands in the way.
Result<void> migrate(const sqlite::Connection& connection, int version = kSchemaVersion);

/// A checksum of what the tables are and on which pages they begin.
Result<std::uint32_t> checksum_of_tables(const sqlite::Connection& connection);

/// The checksum of an empty outbox of this version. As a constant it saves each start from making
/// one to compare with, which takes longer than all else that SQLite does then.
inline constexpr std::uint32_t kChecksumOfTables = 0x68ED7B8E;

/// kCorrupt unless every table is there as `migrate` makes it. Where the tables stand in the file
/// is another question: layout.h.
/// `model` is an empty outbox of its version.
Result<void> check_tables(const sqlite::Connection& connection, const sqlite::Connection& model);

/// The first page of an empty file of this version, which tells where each table begins: it can
/// stand in for one that is damaged. The file is as long as it is, for this page does not tell.
Result<std::string> first_page(int version);

}  // namespace flowmyna
