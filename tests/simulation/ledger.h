#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/outbox.h"
#include "findings.h"
#include "model_operation.h"

namespace flowmyna::simulation {

/// What the outbox holds durably and what its writers were told, written down at every commit from
/// outside. It checks what must hold between any two commits.
class Ledger {
 public:
  enum class State : std::uint8_t { kPending, kDelivered, kDead };
  struct Entry {
    ModelOperation operation;
    State state = State::kPending;
  };

  Ledger(Findings& findings, std::set<std::string, std::less<>> latest_types)
      : findings_(findings), latest_types_(std::move(latest_types)) {}

  void accepted(Receipt first, const std::vector<ModelOperation>& operations);
  void answered(Receipt first, const std::vector<ModelOperation>& operations);
  void sealed(const Seal& seal);
  void settled(const Settlement& settlement);

  /// In the order of acceptance: receipt N stands at N - 1.
  const std::vector<Entry>& entries() const { return entries_; }
  const ModelOperation& operation(Receipt receipt) const {
    return entries_.at(receipt - 1).operation;
  }
  /// By idempotency key.
  const std::map<std::string, Seal>& seals() const { return seals_; }
  const std::vector<DeadItem>& dead() const { return dead_; }
  /// Whether the final state of this object alone matters to the event.
  bool is_latest(const ModelOperation& event, const ModelOperation::Target& target) const;

 private:
  std::map<std::string, bool> touches(const Seal& seal) const;
  void leave(Receipt receipt, State state, const std::set<Receipt>& members);

  Findings& findings_;
  const std::set<std::string, std::less<>> latest_types_;
  std::vector<Entry> entries_;
  std::map<std::string, Seal> seals_;
  std::vector<DeadItem> dead_;
};

}  // namespace flowmyna::simulation
