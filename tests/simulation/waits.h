#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "delivery/waiters.h"
#include "findings.h"
#include "ledger.h"

namespace flowmyna::simulation {

/// Writers who wait for delivery, and what must hold of what they are told: it is durable, it is
/// about their own operations, it comes once, and by the deadline.
class Waits {
 public:
  /// `gives_ids`: the API lists what it has taken.
  Waits(const Clock& clock, const Ledger& ledger, Findings& findings, bool gives_ids)
      : clock_(clock), ledger_(ledger), findings_(findings), gives_ids_(gives_ids) {}

  /// For the foreman; `first` and `count` are what the writer's operations were accepted as.
  Wait begin(Receipt first, std::size_t count, BootTime deadline);
  /// The process is gone, and the connections of those who wait with it.
  void crashed() { open_.clear(); }
  /// A person was told that it is dropped.
  void dropped(Receipt receipt) { dropped_.insert(receipt); }
  /// Nobody is left whose operations are all delivered, dead or dropped.
  void check_end() const;
  /// The same of whoever waits for this operation.
  void check_told(Receipt receipt) const;

  std::size_t told() const { return told_; }

 private:
  void tell(Receipt first, BootTime deadline, const std::vector<OperationOutcome>& outcomes);
  void check(const OperationOutcome& outcome) const;
  void check_told(Receipt first, std::size_t count) const;
  bool is_durable(const OperationOutcome& outcome) const;
  bool is_decided(Receipt receipt) const;
  bool has_died(Receipt receipt) const;
  void check_ids(const std::vector<OperationOutcome>& outcomes) const;

  const Clock& clock_;
  const Ledger& ledger_;
  Findings& findings_;
  const bool gives_ids_;
  std::map<Receipt, std::size_t> open_;  // how many operations, by the first
  std::set<Receipt> dropped_;            // by a person, who was told so
  std::size_t told_ = 0;                 // of an outcome
};

}  // namespace flowmyna::simulation
