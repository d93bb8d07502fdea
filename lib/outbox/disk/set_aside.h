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

/// Whether an interrupted exchange is still to be ended; until then nothing may be at the file's
/// own path.
bool is_being_set_aside(const std::string& path);

/// Renames the outbox that came with a copy of another machine's disk, closed and without a log,
/// and gives the new name. It is never deleted.
Result<std::string> set_clone_aside(const std::string& path, std::int64_t now_unix_s);

/// For a database that says of itself that it has no log, as a backup that was put back does, while
/// the log of another file lies beside it: SQLite would write that log into it. Renames the log and
/// gives the new name; empty when all was as it should be.
Result<std::string> set_strange_log_aside(const std::string& path, std::int64_t now_unix_s);

/// kCorrupt when the database is empty or gone but its log is not: SQLite would delete the log,
/// since it cannot belong to a new database. Also when a file that `was_used` before is empty now,
/// which would pass for a new one. Only reads.
Result<void> check_remains(const std::string& path, bool was_used);

}  // namespace flowmyna
