#include "delivery/waiters.h"

#include <cassert>

namespace flowmyna {

void Waiters::add(Wait wait) {
  assert(wait.count > 0 && !awaits(wait.first));
  if (released_) {
    wait.done({});
    return;
  }
  deadlines_.emplace(wait.deadline, wait.first);
  const Receipt first = wait.first;
  const std::size_t count = wait.count;
  waits_.emplace(first, Open{std::move(wait), std::vector<OperationOutcome>(count), count});
}

Waiters::Waits::const_iterator Waiters::find(Receipt receipt) const {
  auto found = waits_.upper_bound(receipt);
  if (found == waits_.begin()) return waits_.end();
  --found;
  return receipt - found->first < found->second.wait.count ? found : waits_.end();
}

std::uint64_t Waiters::group_of(Receipt receipt) const {
  if (waits_.empty()) return 0;
  const auto found = find(receipt);
  return found == waits_.end() ? 0 : found->first;
}

std::size_t Waiters::operations() const {
  std::size_t operations = 0;
  for (const auto& [first, open] : waits_) operations += open.wait.count;
  return operations;
}

void Waiters::append_receipts(std::vector<Receipt>& out) const {
  for (const auto& [first, open] : waits_) {
    for (std::size_t i = 0; i < open.wait.count; ++i) out.push_back(first + i);
  }
}

void Waiters::report(OperationOutcome outcome) {
  const Receipt first = group_of(outcome.receipt);
  if (first == 0) return;
  if (outcome.state == OperationOutcome::State::kDelivered && outcome.id.empty()) {
    end(first, false);  // delivered, but nobody can say as what
    return;
  }
  Open& open = waits_.at(first);
  OperationOutcome& slot = open.outcomes[outcome.receipt - first];
  const bool is_first = slot.state == OperationOutcome::State::kPending;
  if (!is_first && outcome.state == OperationOutcome::State::kDropped) return;
  if (is_first) --open.missing;
  slot = std::move(outcome);
  if (open.missing == 0) end(first, true);
}

void Waiters::expire(BootTime now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    end(deadlines_.begin()->second, false);
  }
}

std::optional<BootTime> Waiters::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void Waiters::release() {
  released_ = true;
  while (!waits_.empty()) end(waits_.begin()->first, false);
}

void Waiters::end(Receipt first, bool is_known) {
  const auto node = waits_.extract(first);
  Open& open = node.mapped();
  deadlines_.erase({open.wait.deadline, first});
  open.wait.done(is_known ? std::move(open.outcomes) : std::vector<OperationOutcome>());
}

}  // namespace flowmyna
