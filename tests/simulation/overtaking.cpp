#include "overtaking.h"

#include <algorithm>

namespace flowmyna::simulation {
namespace {

// To look for something to watch costs more than to watch it.
constexpr std::size_t kLookEvery = 8;
constexpr std::size_t kLookAtMax = 1000;

// What was passed over since it had to wait is looked at again after a second, or when a part of
// the plan has left.
constexpr std::size_t kOvertakenMax = 30;

using Touched = std::map<std::string, bool>;  // object, and whether it was written

}  // namespace

bool Overtaking::has_left(Receipt receipt) const {
  return std::ranges::any_of(ledger_.entries()[receipt - 1].seals,
                             [&](std::uint64_t seal) { return left_.contains(seal); });
}

bool Overtaking::is_pending(Receipt receipt) const {
  return ledger_.entries()[receipt - 1].state == Ledger::State::kPending;
}

void Overtaking::sent(const std::string& key) {
  const auto seal = ledger_.seals().find(key);
  if (seal == ledger_.seals().end()) return;
  ++under_way_[index_of(seal->second.kind)];
  if (!left_.insert(ledger_.seal_number(key)).second) return;
  Receipt lowest = UINT64_MAX;
  for (const ItemMembers& item : seal->second.items) lowest = std::min(lowest, item.front());
  const bool looks = ++requests_ % kLookEvery == 0;
  for (const Kind kind : kAllKinds) {
    auto& watched = watched_[index_of(kind)];
    if (watched && (has_left(watched->receipt) || !is_pending(watched->receipt))) watched.reset();
    if (!takes_[index_of(kind)]) watched.reset();
    if (watched) count(kind, lowest);
    if (!watched && looks && takes_[index_of(kind)]) watch_another(kind);
  }
}

/// Where both endpoints are in use, one has so many places.
std::size_t Overtaking::places() const {
  const std::size_t all = options_.in_flight_max;
  return all > 1 ? all - std::max<std::size_t>(1, all / 4) : all;
}

void Overtaking::count(Kind kind, Receipt lowest_sent) {
  Watched& watched = *watched_[index_of(kind)];
  const bool has_place = under_way_[index_of(kind)] < places();
  if (lowest_sent <= watched.receipt || !has_place) return;
  most_ = std::max(most_, ++watched.overtaken);
  const std::size_t bound = kOvertakenMax + 4 * options_.in_flight_max;
  findings_.expect(watched.overtaken <= bound, [&] {
    return "operation " + std::to_string(watched.receipt) + " waits for nothing, and " +
           std::to_string(watched.overtaken) + " requests have overtaken it";
  });
}

void Overtaking::answered(Kind kind, bool took_something) {
  --under_way_[index_of(kind)];
  takes_[index_of(kind)] = took_something;
  if (!took_something) watched_[index_of(kind)].reset();
}

void Overtaking::watch_another(Kind kind) {
  const auto& entries = ledger_.entries();
  while (first_pending_ <= entries.size() && !is_pending(first_pending_)) ++first_pending_;
  Touched touched;
  std::size_t looked_at = 0;
  for (Receipt receipt = first_pending_; receipt <= entries.size(); ++receipt) {
    if (!is_pending(receipt)) continue;
    if (++looked_at > kLookAtMax) return;
    const ModelOperation& operation = entries[receipt - 1].operation;
    bool is_free = operation.kind == kind && ledger_.retries_of(operation.serial) == 0;
    for (const auto& target : operation.targets) {
      const auto it = touched.find(target.object());
      const bool writes = operation.kind == Kind::kUpsert || operation.writes(target.object());
      if (it != touched.end() && (writes || it->second)) is_free = false;
    }
    if (is_free && !has_left(receipt)) {
      watched_[index_of(kind)] = Watched{receipt, 0};
      return;
    }
    for (const auto& target : operation.targets) {
      touched[target.object()] |=
          operation.kind == Kind::kUpsert || operation.writes(target.object());
    }
  }
}

}  // namespace flowmyna::simulation
