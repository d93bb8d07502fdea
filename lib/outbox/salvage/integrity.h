#pragma once

#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// Checks an outbox file of this version by a few pages, however large the backlog is: that its
/// tables are where they belong, that the oldest and the newest operation are whole, and that the
/// counters do not contradict each other or the tables. kCorrupt otherwise. Damage elsewhere shows
/// when it is read: by SQLite, by a row's checksum, or here again, once the backlog is drained and
/// operations are missing.
Result<void> check_integrity(const sqlite::Connection& connection);

}  // namespace flowmyna
