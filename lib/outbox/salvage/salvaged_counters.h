#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/counters.h"
#include "outbox/sqlite/sqlite.h"
#include "outbox/tables/epoch.h"

namespace flowmyna {

/// Numbers beyond this are damage. A double holds every number up to it, so JSON does.
inline constexpr std::int64_t kPlausibleMax = std::int64_t{1} << 53;

bool is_plausible(const sqlite::Row& row, int column, std::int64_t max = kPlausibleMax);

/// The row of `state` (schema.h).
struct SavedCounters : Counters {
  std::int64_t accepted = 0, unsynced_from = 0, unsynced_through = 0, sealed_through = 0,
               skipped = 0;
  std::int64_t epoch = 0;  ///< below zero in a backup (epoch.h)
  std::string machine;
  std::string outbox;  ///< the id of the file, by which imports know it; empty: unknown

  /// Calls `visit(column, number, otherwise)` for all numbers but the epoch; `otherwise` is what
  /// the number is in a file of a version without the column.
  template <class Visit>
  void visit_in_order(const Visit& visit) {
    visit("accepted", accepted, 0);
    visit("unsynced_from", unsynced_from, 0);
    visit("unsynced_through", unsynced_through, 0);
    visit("sealed_through", sealed_through, kPlausibleMax);
    visit("skipped", skipped, 0);
    for (const CounterInfo& counter : kCounters) visit(counter.name, this->*counter.value, 0);
  }

  /// The columns to select after the key, from a file of any version, for a row that `read`
  /// understands.
  static Result<std::string> columns(const sqlite::Connection& file);
  /// Nothing unless each makes sense by itself.
  static std::optional<SavedCounters> read(const sqlite::Row& row);
};

/// What the rest of a damaged file tells of its counters.
struct CounterEvidence {
  std::int64_t pending = 0, dead = 0;  ///< operations that could be read, those folded away counted
  std::int64_t dropped = 0;            ///< receipts that are known to have been dropped
  std::int64_t lost = 0;               ///< by earlier damage
  std::int64_t skipped = 0;            ///< receipts that were never given, as far as `lost` tells
  std::int64_t ended = 0;    ///< the highest of the receipts that were dropped, or lost earlier
  std::int64_t highest = 0;  ///< receipt that is known to have been given
  std::int64_t newest = 0;   ///< receipt in the backlog that could be read
  std::int64_t seen = 0;     ///< the highest receipt by the mark beside the file; 0: it tells none
  std::int64_t sealed = 0;   ///< the highest receipt of the seals that could be read
  std::int64_t unsynced_from = 0;
  std::int64_t lost_at_most = 0;  ///< unless the end of the table is missing
  std::int64_t accounted = 0;     ///< how many may have stood where something could not be read
  bool is_end_known = false;      ///< the newest operation of the backlog could be read
  bool is_more_to_come = false;   ///< what is missing may still be moved (remains.h)
  bool is_all_accounted = false;  ///< the end was read, and how many each row stands for
};

/// The counters of the salvaged file, so that `accepted` is the sum of the others and of what is
/// pending.
struct SalvagedCounters {
  SavedCounters counters;
  std::int64_t newly_lost = 0;
  bool begins_epoch = false;       ///< with the next receipt
  std::int64_t known_through = 0;  ///< the highest receipt that is known to have been given
  bool is_exact = false;           ///< `newly_lost` is; else as far as can be told
};

/// When the saved counters cannot be read, or contradict the evidence, what is missing counts as
/// delivered except for what may be lost, and every operation may have been sealed.
///
/// Then, and whenever they or the backlog may be of an older commit or lack their end, receipts go
/// on in another epoch: the highest that is still to be seen need not be the highest that was
/// given.
SalvagedCounters reconcile(const std::optional<SavedCounters>& saved,
                           const CounterEvidence& evidence);

}  // namespace flowmyna
