#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "outbox/sqlite.h"

namespace flowmyna {

/// Numbers beyond this are damage. A double holds every number up to it, so JSON does.
inline constexpr std::int64_t kPlausibleMax = std::int64_t{1} << 53;

bool is_plausible(const sqlite::Row& row, int column, std::int64_t max = kPlausibleMax);

/// The row of `state` (schema.h).
struct SavedCounters {
  std::int64_t accepted = 0, delivered = 0, dead = 0, coalesced = 0, requests = 0,
               duplicates_possible = 0, dropped = 0, unsynced_from = 0, lost = 0;

  std::string outbox;  ///< the id of the file, by which imports know it; empty: unknown

  /// All numbers.
  std::array<std::int64_t*, 9> in_order();

  /// From `id, *`; what an older version lacks is 0. Nothing unless each makes sense by itself.
  static std::optional<SavedCounters> read(const sqlite::Row& row);
};

/// What the rest of a damaged file tells of its counters.
struct CounterEvidence {
  std::int64_t pending = 0, dead = 0;  ///< operations that could be read, those folded away counted
  std::int64_t dropped = 0;            ///< receipts that are known to have been dropped
  std::int64_t highest = 0;            ///< receipt that is known to have been given
  std::int64_t unsynced_from = 0;
  std::int64_t lost_at_most = 0;  ///< unless the end of the table is missing
  bool is_all_accounted = false;  ///< the end was read, and how many each row stands for
};

/// The counters of the salvaged file, so that `accepted` is the sum of the others and of what is
/// pending.
struct SalvagedCounters {
  SavedCounters counters;
  std::int64_t newly_lost = 0;
  bool is_exact = false;  ///< `newly_lost` is; else as far as can be told
};

/// When the saved counters cannot be read, or contradict what was, what is missing counts as
/// delivered but for what may be lost.
SalvagedCounters reconcile(const std::optional<SavedCounters>& saved,
                           const CounterEvidence& evidence);

}  // namespace flowmyna
