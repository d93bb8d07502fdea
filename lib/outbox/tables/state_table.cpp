#include "outbox/tables/state_table.h"

#include "outbox/tables/epoch.h"

namespace flowmyna {
namespace {

static_assert(kEpochReceipts == std::int64_t{1} << 40, "as in the query below");

constexpr const char* kLoad =
    "SELECT max(accepted, coalesce((SELECT max(seq) FROM operation), 0)), unsynced_from, "
    "unsynced_through, sealed_through, skipped, epoch, "
    // What was skipped when the last epoch began, and nothing else, ends so.
    "coalesce((SELECT max(first) - 1 FROM lost WHERE last % (1 << 40) = 0 AND epoch <> 0), 0)";
constexpr int kColumnsBeforeCounters = 7;

constexpr const char* kSave =
    "UPDATE state SET accepted = ?, unsynced_from = ?, unsynced_through = ?, sealed_through = ?";

constexpr const char* kTheRow = " WHERE id = 1";

bool is_saved(const CounterInfo& counter) {
  return counter.value != &Counters::lost;
}

}  // namespace

std::string counter_columns() {
  std::string columns;
  for (const CounterInfo& counter : kCounters) columns += std::string(", ") + counter.name;
  return columns;
}

Result<StateTable> StateTable::prepare(const sqlite::Connection& connection) {
  const std::string load = kLoad + counter_columns() + " FROM state" + kTheRow;
  std::string save = kSave;
  for (const CounterInfo& counter : kCounters) {
    if (is_saved(counter)) save += std::string(", ") + counter.name + " = ?";
  }
  save += kTheRow;
  StateTable table;
  auto prepared =
      sqlite::prepare(connection, {{table.load_, load.c_str()}, {table.save_, save.c_str()}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  return table;
}

Result<SavedState> StateTable::load() {
  const auto row = load_.start().step();
  if (!row) return tl::make_unexpected(row.error());
  if (!*row) return fail(Error::Kind::kCorrupt, "the outbox has lost its counters");
  SavedState state;
  state.highest = load_.integer(0);
  state.unsynced_from = load_.integer(1);
  state.unsynced_through = load_.integer(2);
  state.sealed_through = load_.integer(3);
  state.skipped = load_.integer(4);
  state.epoch = load_.integer(5);
  state.doubtful_through = load_.integer(6);
  int column = kColumnsBeforeCounters;
  for (const CounterInfo& counter : kCounters) {
    state.*counter.value = static_cast<std::uint64_t>(load_.integer(column++));
  }
  load_.reset();
  return state;
}

Result<void> StateTable::save(const SavedState& state) {
  save_.start()
      .bind(state.highest)
      .bind(state.unsynced_from)
      .bind(state.unsynced_through)
      .bind(state.sealed_through);
  for (const CounterInfo& counter : kCounters) {
    if (is_saved(counter)) save_.bind(static_cast<std::int64_t>(state.*counter.value));
  }
  return save_.run();
}

}  // namespace flowmyna
