#include "outbox/file/epoch_end.h"

#include <chrono>
#include <set>
#include <vector>

#include "core/operation.h"

namespace flowmyna {
namespace {

constexpr std::size_t kStepRows = 1000;
constexpr std::size_t kStepBytes = 256U << 10;

constexpr const char* kReason =
    "outcome unknown: it waited in a copy of the outbox that was put back, and may have been "
    "delivered before";

Result<std::set<Receipt>> sealed_receipts(SealTable& table) {
  const auto seals = table.read();
  if (!seals) return tl::make_unexpected(seals.error());
  std::set<Receipt> receipts;
  for (const Seal& seal : *seals) {
    for (const ItemMembers& item : seal.items) receipts.insert(item.begin(), item.end());
  }
  return receipts;
}

Result<void> hold(OpenOutbox& open, const std::vector<Receipt>& events, std::int64_t now_unix_s) {
  Result<void> done = open.begin.start().run();
  for (const Receipt event : events) {
    if (done) done = open.letters.bury({{event}, 0, kReason, 0, now_unix_s});
    const auto number = static_cast<std::int64_t>(event);
    if (done) done = open.operations.remove({number, number}).map([](std::int64_t) {});
  }
  auto counters = open.state.load();
  if (!counters) return tl::make_unexpected(counters.error());
  counters->dead += events.size();
  counters->duplicates_possible += events.size();
  if (done) done = open.state.save(*counters);
  if (done) done = open.commit.start().run();
  if (!open.connection.is_idle()) (void)open.rollback.start().run();
  // So that the log stays short.
  return done ? open.connection.checkpoint() : done;
}

Result<void> hold_events(OpenOutbox& open) {
  const auto sealed = sealed_receipts(open.seals);
  if (!sealed) return tl::make_unexpected(sealed.error());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_unix_s = std::chrono::floor<std::chrono::seconds>(now).count();
  ReadLimits limits;
  limits.operations_max = kStepRows;
  limits.bytes_max = kStepBytes;
  for (bool more = true; more;) {
    const auto window = open.operations.read(limits, limits.after + kStepRows);
    if (!window) return tl::make_unexpected(window.error());
    more = window->more;
    std::vector<Receipt> events;
    for (const auto& row : window->rows()) {
      limits.after = row.receipt;
      const auto operation = Operation::parse(window->stored(row));
      const bool is_event = operation && operation->kind == Kind::kEvent;
      if (is_event && !sealed->contains(row.receipt)) events.push_back(row.receipt);
    }
    if (events.empty()) continue;
    if (auto done = hold(open, events, now_unix_s); !done) return done;
  }
  return {};
}

}  // namespace

Result<void> end_epoch(OpenOutbox& open, const Provenance& file,
                       const std::optional<OutboxMark>& seen, const StorageOptions& options) {
  if (options.holds_unknown) {
    if (auto done = hold_events(open); !done) return done;
  }
  return begin_epoch(open.connection, file, seen, options.machine);
}

}  // namespace flowmyna
