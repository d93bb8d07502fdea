#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowmyna {

/// How a damaged outbox is exchanged for what was salvaged from it, so that a crash or a power cut
/// at any moment leaves either the old file in its place or the new one, whole:
///
///     outbox.db.salvage             being filled; worth nothing, removed at the next start
///     outbox.db.salvaged-<time>     whole and synced: from its name on the exchange is decided
///     outbox.db-wal, outbox.db      get the names outbox.db.damaged-<time>-wal and …-<time>
///     outbox.db.salvaged-<time>     becomes outbox.db
///
/// Every name is synced before the next one is changed. What was set aside opens with the sqlite3
/// program, log included.

/// The wall clock, for the names of what is set aside.
std::int64_t unix_now_s();

/// Where a salvage fills the new file.
std::string salvage_path(const std::string& path);

/// The name under which a file that was found damaged now is kept; nothing is there yet.
std::string damaged_path(const std::string& path, std::int64_t now_unix_s);

/// Exchanges the file for the one at `salvage_path`, which is whole and closed; `damaged` comes
/// from `damaged_path`.
Result<void> set_aside(const std::string& path, const std::string& damaged);

/// At every start, before the file is opened: ends an exchange that a crash interrupted.
Result<void> finish_set_aside(const std::string& path);

/// The damaged files that are kept beside an outbox, the oldest first, their logs left out.
std::vector<std::string> damaged_files(const std::string& path);

/// Whether such an end is due; until then nothing may be at the file's own path.
bool is_being_set_aside(const std::string& path);

/// The outbox of the machine that this one's disk was copied from, closed and with no log: it gets
/// a name of its own, which this gives, and is never deleted.
Result<std::string> set_clone_aside(const std::string& path, std::int64_t now_unix_s);

/// A file that says of itself that it is written without a log, as a backup does that was put back,
/// and a log beside it that is another file's: SQLite would write that into it. The log gets
/// another name, which this gives; empty: it was as it should be.
Result<std::string> set_strange_log_aside(const std::string& path, std::int64_t now_unix_s);

/// kCorrupt when a file is empty or gone and its log is not: SQLite would delete the log, for it
/// cannot belong to a new database. So it would be with a file that was emptied and that `was_used`
/// before, which would pass for a new one. Only reads.
Result<void> check_remains(const std::string& path, bool was_used);

}  // namespace flowmyna
