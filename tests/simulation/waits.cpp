#include "waits.h"

#include <algorithm>
#include <iterator>

namespace flowmyna::simulation {
namespace {

// The delivery thread wakes up within this after it should.
constexpr std::chrono::milliseconds kLateMax{10};

}  // namespace

Wait Waits::begin(Receipt first, std::size_t count, BootTime deadline) {
  open_.emplace(first, count);
  return {first, count, deadline,
          [this, first, deadline](const std::vector<OperationOutcome>& outcomes) {
            tell(first, deadline, outcomes);
          }};
}

void Waits::tell(Receipt first, BootTime deadline, const std::vector<OperationOutcome>& outcomes) {
  const BootTime now = clock_.boot_now();
  findings_.expect(open_.erase(first) == 1,
                   [&] { return "the wait for " + std::to_string(first) + " was ended twice"; });
  findings_.expect(now <= deadline + kLateMax, [&] {
    return "the wait for " + std::to_string(first) + " ended after its deadline";
  });
  if (outcomes.empty()) {
    // What was delivered without an id is none of the writer's business.
    findings_.expect(now >= deadline || !gives_ids_, [&] {
      return "the wait for " + std::to_string(first) + " was given up before its deadline";
    });
    return;
  }
  ++told_;
  for (const OperationOutcome& outcome : outcomes) check(outcome);
  check_ids(outcomes);
}

void Waits::check(const OperationOutcome& outcome) const {
  findings_.expect(is_durable(outcome), [&] {
    return "the writer of " + std::to_string(outcome.receipt) +
           " was told of an outcome that is not durable";
  });
}

bool Waits::is_durable(const OperationOutcome& outcome) const {
  const Ledger::State state = ledger_.entries().at(outcome.receipt - 1).state;
  switch (outcome.state) {
    case OperationOutcome::State::kDelivered:
      return state == Ledger::State::kDelivered;
    case OperationOutcome::State::kDropped:
      return state == Ledger::State::kDropped;
    default:
      return has_died(outcome.receipt);
  }
}

/// By now a person may have put it back.
bool Waits::has_died(Receipt receipt) const {
  return std::ranges::any_of(ledger_.dead(), [receipt](const Ledger::Dead& dead) {
    return std::ranges::find(dead.item.members, receipt) != dead.item.members.end();
  });
}

/// Of a batch of events the ids are those of its events as a whole; of anything else they are
/// certain.
void Waits::check_ids(const std::vector<OperationOutcome>& outcomes) const {
  std::multiset<std::string> told;
  std::multiset<std::string> expected;
  for (const OperationOutcome& outcome : outcomes) {
    if (outcome.state != OperationOutcome::State::kDelivered) continue;
    if (outcome.id.empty() && !gives_ids_) continue;
    const ModelOperation& operation = ledger_.operation(outcome.receipt);
    told.insert(outcome.id);
    expected.insert(operation.kind == Kind::kEvent ? event_id(operation.serial)
                                                   : object_id(operation.targets.front()));
  }
  findings_.expect(told == expected, [&] {
    std::string text = "a writer was told of ids that are not its own:";
    for (const auto& id : told) text += " " + id + ",";
    text += " instead of";
    for (const auto& id : expected) text += " " + id + ",";
    return text;
  });
}

void Waits::check_end() const {
  for (const auto& [first, count] : open_) check_told(first, count);
}

void Waits::check_told(Receipt receipt) const {
  const auto after = open_.upper_bound(receipt);
  if (after == open_.begin()) return;
  const auto& [first, count] = *std::prev(after);
  if (receipt < first + count) check_told(first, count);
}

/// Of what was dropped by a commit that failed, but is on the disk, nobody knows.
bool Waits::is_decided(Receipt receipt) const {
  const Ledger::State state = ledger_.entries().at(receipt - 1).state;
  return state == Ledger::State::kDelivered || state == Ledger::State::kDead ||
         dropped_.contains(receipt);
}

void Waits::check_told(Receipt first, std::size_t count) const {
  for (Receipt receipt = first; receipt < first + count; ++receipt) {
    if (!is_decided(receipt)) return;
  }
  findings_.expect(false, [first] {
    return "the writer of " + std::to_string(first) + " waits, although all is decided";
  });
}

}  // namespace flowmyna::simulation
