#include "waits.h"

#include <algorithm>

namespace flowmyna::simulation {
namespace {

// The delivery thread wakes up within this after it should.
constexpr std::chrono::milliseconds kLateMax{10};

}  // namespace

Wait Waits::begin(Receipt first, std::size_t count, BootTime deadline) {
  open_.insert(first);
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
    findings_.expect(now >= deadline, [&] {
      return "the wait for " + std::to_string(first) + " was given up before its deadline";
    });
    return;
  }
  ++told_;
  for (const OperationOutcome& outcome : outcomes) check(outcome);
  check_ids(outcomes);
}

void Waits::check(const OperationOutcome& outcome) const {
  const bool is_delivered = outcome.state == OperationOutcome::State::kDelivered;
  const bool is_durable =
      is_delivered ? ledger_.entries().at(outcome.receipt - 1).state == Ledger::State::kDelivered
                   : has_died(outcome.receipt);
  findings_.expect(is_durable, [&] {
    return "the writer of " + std::to_string(outcome.receipt) +
           " was told of an outcome that is not durable";
  });
}

/// By now a person may have put it back.
bool Waits::has_died(Receipt receipt) const {
  return std::ranges::any_of(ledger_.dead(), [receipt](const DeadItem& item) {
    return std::ranges::find(item.members, receipt) != item.members.end();
  });
}

/// Of a batch of events the ids are those of its events as a whole; of anything else they are
/// certain.
void Waits::check_ids(const std::vector<OperationOutcome>& outcomes) const {
  std::multiset<std::string> told;
  std::multiset<std::string> expected;
  for (const OperationOutcome& outcome : outcomes) {
    if (outcome.state != OperationOutcome::State::kDelivered) continue;
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
  for (const Receipt first : open_) {
    findings_.expect(
        false, [first] { return "the writer of " + std::to_string(first) + " waits for ever"; });
  }
}

}  // namespace flowmyna::simulation
