#pragma once

#include <array>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/compaction.h"
#include "core/outbox.h"
#include "core/seal.h"
#include "findings.h"
#include "model_operation.h"

namespace flowmyna::simulation {

/// What the outbox holds durably and what its writers were told, written down at every commit from
/// outside. It checks what must hold between any two commits; so also the order: nothing is sealed
/// while something that it depends on, and that was accepted before it, still waits.
///
/// A dead letter that a person retries waits again, at its old place, from the moment at which the
/// foreman is told. What was handed over to be sealed before that moment may go first; everything
/// else may not.
class Ledger {
 public:
  enum class State : std::uint8_t { kPending, kDelivered, kDead, kDropped };
  struct Entry {
    ModelOperation operation;
    State state = State::kPending;
    std::uint64_t delivered_by = 0;    ///< the number of the seal, see seal_number
    std::vector<std::uint64_t> seals;  ///< the numbers of all, ascending
    // Moments of the delivery thread, 0 for never, since it became pending last:
    std::uint64_t dispatched_at = 0;  // handed over to be sealed
    std::uint64_t heard_of_at = 0;    // the foreman was told that it is back
    bool was_sealed = false;          ///< or was to be: its bytes may have left
    bool must_be_right = false;       ///< sealed first when the clock of its boot was synchronised
    std::vector<Receipt> folded;      ///< what travels with it, ascending
    BootTime accepted_at{0};
  };

  Ledger(const Clock& clock, Findings& findings, std::set<std::string, std::less<>> latest_types)
      : clock_(clock), findings_(findings), latest_types_(std::move(latest_types)) {}

  /// Something that died, and when.
  struct Dead {
    DeadItem item;
    BootTime at{0};
  };

  void accepted(Receipt first, const std::vector<ModelOperation>& operations);
  void answered(Receipt first, const std::vector<ModelOperation>& operations);
  /// The foreman wants this sealed, now.
  void is_being_sealed(const Seal& seal, const VirtualClock& clock);
  void sealed(const Seal& seal);
  void settled(const Settlement& settlement);
  void retried(const DeadLetters& letters);
  void dropped(const DeadLetters& letters);
  /// Pending operations, by a person.
  void given_up(const std::vector<Receipt>& receipts);

  /// What the delivery thread does and learns, as it does so.
  void dispatching(const std::vector<Seal>& seals);
  void heard_of_retries(Receipt lowest);
  /// A process begins: it knows what is durable, and nothing else.
  void restarted();
  void folded(const Fold& fold);

  /// The operations behind an item's rows, oldest first.
  std::vector<Receipt> behind(const ItemMembers& rows) const;

  /// In the order of acceptance: receipt N stands at N - 1.
  const std::vector<Entry>& entries() const { return entries_; }
  const ModelOperation& operation(Receipt receipt) const {
    return entries_.at(receipt - 1).operation;
  }
  /// By idempotency key.
  const std::map<std::string, Seal>& seals() const { return seals_; }
  /// How often a person has put the operation back.
  std::uint64_t retries_of(Serial serial) const {
    const auto it = retries_.find(serial);
    return it == retries_.end() ? 0 : it->second;
  }
  /// Everything that ever died.
  const std::vector<Dead>& dead() const { return dead_; }
  /// From 1 upwards in the order of commits; 0 when there never was such a key. Of two requests
  /// that depend on each other the one with the lower number was settled before the other was
  /// sealed: `sealed` checks it.
  std::uint64_t seal_number(const std::string& key) const {
    const auto it = numbers_.find(key);
    return it == numbers_.end() ? 0 : it->second;
  }
  const std::string& key_of(std::uint64_t seal_number) const { return keys_.at(seal_number - 1); }
  std::uint64_t count(State state) const { return counts_[static_cast<std::size_t>(state)]; }
  /// The first pending operation that is neither of these `stuck` ones, for which there must be
  /// `cause`, nor depends on one that is pending before it, or that was on its way when a person
  /// put it back; 0: there is none.
  Receipt unexplained(const std::set<Receipt>& stuck,
                      const std::function<bool(const ModelOperation&)>& cause) const;
  bool depend(const ModelOperation& a, const ModelOperation& b) const;
  /// Whether the final state of this object alone matters to the event.
  bool is_latest(const ModelOperation& event, const ModelOperation::Target& target) const;

 private:
  std::map<std::string, bool> touches(const Seal& seal) const;
  void check_independence(const Seal& seal, const std::set<Receipt>& members);
  void check_order(const std::set<Receipt>& members);
  bool is_back_behind(Receipt receipt, const std::set<Receipt>& stuck) const;
  bool may_overtake(Receipt later, Receipt earlier) const;
  void leave(Receipt receipt, State state, const std::set<Receipt>& members);
  void set_state(Receipt receipt, State state);

  const Clock& clock_;
  Findings& findings_;
  const std::set<std::string, std::less<>> latest_types_;
  std::vector<Entry> entries_;
  std::map<std::string, Seal> seals_;
  std::map<std::string, std::uint64_t> numbers_;  // by idempotency key
  std::vector<std::string> keys_;                 // by number
  std::array<std::uint64_t, 4> counts_{};         // of the entries, by state
  std::map<Serial, std::uint64_t> retries_;
  std::set<Receipt> waiting_;  // pending, and in no seal
  std::uint64_t moment_ = 0;
  std::vector<Dead> dead_;
};

}  // namespace flowmyna::simulation
