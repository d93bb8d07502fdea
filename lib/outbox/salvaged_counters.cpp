#include "outbox/salvaged_counters.h"

#include <algorithm>

namespace flowmyna {
namespace {

// schema.h: versions add columns at the end, and one of them is no number.
constexpr int kOutboxColumn = 10;
constexpr std::size_t kOutboxIdBytes = 32;

}  // namespace

bool is_plausible(const sqlite::Row& row, int column, std::int64_t max) {
  return row.is_integer(column) && row.integer(column) >= 0 && row.integer(column) <= max;
}

std::array<std::int64_t*, 9> SavedCounters::in_order() {
  return {&accepted, &delivered,     &dead, &coalesced, &requests, &duplicates_possible,
          &dropped,  &unsynced_from, &lost};
}

std::optional<SavedCounters> SavedCounters::read(const sqlite::Row& row) {
  if (row.integer(0) != 1) return std::nullopt;
  SavedCounters counters;
  int column = 2;  // behind the key, and the key again
  for (std::int64_t* counter : counters.in_order()) {
    if (column == kOutboxColumn) ++column;
    if (column >= row.columns()) break;
    if (!is_plausible(row, column)) return std::nullopt;
    *counter = row.integer(column++);
  }
  if (kOutboxColumn < row.columns() && row.blob(kOutboxColumn).size() == kOutboxIdBytes) {
    counters.outbox = row.blob(kOutboxColumn);
  }
  return counters;
}

SalvagedCounters reconcile(const std::optional<SavedCounters>& saved,
                           const CounterEvidence& evidence) {
  SalvagedCounters out;
  SavedCounters& counters = out.counters = saved.value_or(SavedCounters{});
  const std::int64_t present = evidence.pending + evidence.dead;
  counters.accepted = std::max({counters.accepted, evidence.highest, present});
  counters.dead = evidence.dead;
  const std::int64_t missing =
      counters.accepted - counters.delivered - counters.dropped - counters.lost - present;
  if (saved && missing >= 0) {
    out.newly_lost = missing;
    out.is_exact = evidence.is_all_accounted;
  } else {
    const std::int64_t gone = counters.accepted - present;
    counters.dropped = std::min(evidence.dropped, gone);
    counters.lost = std::min(counters.lost, gone - counters.dropped);
    const std::int64_t rest = gone - counters.dropped - counters.lost;
    out.newly_lost = std::min(rest, evidence.lost_at_most);
    counters.delivered = rest - out.newly_lost;
    counters.unsynced_from = evidence.unsynced_from;
  }
  counters.lost += out.newly_lost;
  return out;
}

}  // namespace flowmyna
