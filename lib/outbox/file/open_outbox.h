#pragma once

#include <string>

#include "outbox/sqlite/quota.h"
#include "outbox/sqlite/sqlite.h"
#include "outbox/tables/arrival_table.h"
#include "outbox/tables/damage_tables.h"
#include "outbox/tables/fold_map.h"
#include "outbox/tables/folded_table.h"
#include "outbox/tables/letter_tables.h"
#include "outbox/tables/operation_table.h"
#include "outbox/tables/seal_table.h"
#include "outbox/tables/state_table.h"

namespace flowmyna {

struct StorageOptions {
  std::string path;
  std::uint64_t quota_bytes = 1ULL << 30;  ///< database and write-ahead log together
  /// false: only what leaves the agent is synced first. A power cut may take the operations that
  /// were accepted in the last seconds, but none that was delivered comes back.
  bool sync_every_commit = true;
  /// Names this machine, so that an outbox notices when it is on another one; empty: unknown.
  std::string machine = {};
  /// What came with a clone of another machine's disk is set aside, and not delivered.
  bool discards_clone = false;
  /// Events that may have been delivered before a copy was put back become dead letters at once;
  /// otherwise they are counted when they are sent.
  bool holds_unknown = false;
  /// Damaged files that may lie beside it, before it takes nothing more.
  std::size_t damaged_max = 1;
};

/// An open outbox file: its connection, its tables and the statements on them.
struct OpenOutbox {
  sqlite::Connection connection;  // first: it is closed after the others
  sqlite::Statement begin, commit, rollback, vacuum;
  OperationTable operations;
  SealTable seals;
  LetterTables letters;
  FoldedTable folded;
  FoldMap fold_map;
  ArrivalTable arrivals;
  DamageTables damage;
  StateTable state;
  SizeQuery sizes;

  /// Brings the schema up to date, and looks for damage. A file of a newer version is refused and
  /// left as it is, its log included. Closing it leaves the log as it is (see
  /// Connection::keep_log_on_close).
  static Result<OpenOutbox> open(const StorageOptions& options, bool may_create);
};

}  // namespace flowmyna
