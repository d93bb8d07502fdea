#include "outbox/salvage/salvaged_counters.h"

#include <algorithm>

namespace flowmyna {
namespace {

constexpr std::size_t kOutboxIdBytes = 32;

std::int64_t to_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
std::uint64_t to_unsigned(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

std::int64_t next_epoch(std::int64_t receipt) {
  return (receipt / kEpochReceipts + 1) * kEpochReceipts;
}

/// Whether higher receipts may have been given than counters and backlog tell. What is accepted is
/// in the backlog, and in the counters once anything has left; so whatever else is known to have
/// been given is beyond them only when one of them is of an older commit.
bool may_have_given_more(const SavedCounters& saved, std::int64_t missing,
                         const CounterEvidence& evidence) {
  if (evidence.is_more_to_come) return false;  // nothing was accepted since they were saved
  return !evidence.is_end_known || missing > evidence.accounted ||
         std::max({evidence.highest, evidence.ended, evidence.seen}) >
             std::max(saved.accepted, evidence.newest);
}

void believe(const SavedCounters& saved, std::int64_t missing, const CounterEvidence& evidence,
             SalvagedCounters& out) {
  SavedCounters& counters = out.counters;
  out.known_through = counters.accepted;
  out.newly_lost = evidence.is_more_to_come ? 0 : missing;
  out.begins_epoch = may_have_given_more(saved, missing, evidence);
  out.is_exact = evidence.is_all_accounted && !out.begins_epoch;
  if (!out.begins_epoch) return;
  // What was dropped or lost has no checksum: it may say anything.
  const std::int64_t next = next_epoch(std::max(counters.accepted, evidence.ended));
  counters.accepted = next <= kPlausibleMax ? next : next_epoch(counters.accepted);
  counters.skipped += counters.accepted - out.known_through;
}

void guess(const CounterEvidence& evidence, SalvagedCounters& out) {
  SavedCounters& counters = out.counters;
  const std::int64_t present = evidence.pending + evidence.dead;
  std::int64_t lost = std::max(to_signed(counters.lost), evidence.lost);
  out.begins_epoch = true;
  out.known_through = std::max(counters.accepted, evidence.ended);
  const std::int64_t given = evidence.skipped > 0 ? out.known_through - evidence.skipped
                                                  : out.known_through % kEpochReceipts;
  const std::int64_t operations = std::max(given, present + evidence.dropped + lost);
  const std::int64_t gone = operations - present;
  const std::int64_t dropped = std::min(evidence.dropped, gone);
  lost = std::min(lost, gone - dropped);
  const std::int64_t rest = gone - dropped - lost;
  out.newly_lost = std::min(rest, evidence.lost_at_most);
  counters.dropped = to_unsigned(dropped);
  counters.lost = to_unsigned(lost);
  counters.delivered = to_unsigned(rest - out.newly_lost);
  counters.unsynced_from = evidence.unsynced_from;
  counters.sealed_through = out.known_through;
  counters.accepted = next_epoch(out.known_through);
  counters.skipped = counters.accepted - operations;
}

}  // namespace

bool is_plausible(const sqlite::Row& row, int column, std::int64_t max) {
  return row.is_integer(column) && row.integer(column) >= 0 && row.integer(column) <= max;
}

Result<std::string> SavedCounters::columns(const sqlite::Connection& file) {
  auto has = sqlite::Statement::prepare(
      file, "SELECT EXISTS(SELECT 1 FROM pragma_table_info('state') WHERE name = CAST(? AS TEXT))");
  if (!has) return tl::make_unexpected(has.error());
  std::string out;
  const auto add = [&](const std::string& name, const std::string& otherwise) -> Result<void> {
    const auto row = has->start().bind(name).step();
    if (!row) return tl::make_unexpected(row.error());
    out += ", " + (has->integer(0) != 0 ? name : otherwise);
    return {};
  };
  Result<void> done;
  SavedCounters().visit_in_order([&](const char* name, auto&, std::int64_t otherwise) {
    if (done) done = add(name, std::to_string(otherwise));
  });
  if (done) done = add("outbox", "''");
  if (done) done = add("epoch", "0");
  if (done) done = add("machine", "''");
  if (!done) return tl::make_unexpected(done.error());
  return out;
}

std::optional<SavedCounters> SavedCounters::read(const sqlite::Row& row) {
  if (row.integer(0) != 1) return std::nullopt;
  SavedCounters counters;
  int column = 1;
  bool makes_sense = true;
  counters.visit_in_order([&]<class Number>(const char*, Number& number, std::int64_t) {
    makes_sense = makes_sense && is_plausible(row, column);
    number = static_cast<Number>(row.integer(column++));
  });
  if (!makes_sense) return std::nullopt;
  if (row.blob(column).size() == kOutboxIdBytes) counters.outbox = row.blob(column);
  if (!row.is_integer(++column)) return std::nullopt;
  counters.epoch = row.integer(column);
  counters.machine = row.blob(++column);
  return counters;
}

SalvagedCounters reconcile(const std::optional<SavedCounters>& saved,
                           const CounterEvidence& evidence) {
  SalvagedCounters out;
  SavedCounters& counters = out.counters = saved.value_or(SavedCounters{});
  const std::int64_t present = evidence.pending + evidence.dead;
  counters.accepted = std::max({counters.accepted, evidence.highest, evidence.seen, present});
  counters.dead = to_unsigned(evidence.dead);
  if (!saved) counters.epoch = evidence.skipped > 0 ? 1 : 0;
  const std::int64_t missing = counters.accepted - counters.skipped - present -
                               to_signed(counters.delivered + counters.dropped + counters.lost);
  if (saved && missing >= 0) {
    believe(*saved, missing, evidence, out);
  } else {
    guess(evidence, out);
  }
  counters.sealed_through =
      std::min(std::max(counters.sealed_through, evidence.sealed), counters.accepted);
  counters.lost += to_unsigned(out.newly_lost);
  return out;
}

}  // namespace flowmyna
