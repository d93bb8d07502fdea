#pragma once

#include <cstddef>
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
  Waits(const Clock& clock, const Ledger& ledger, Findings& findings)
      : clock_(clock), ledger_(ledger), findings_(findings) {}

  /// For the foreman; `first` and `count` are what the writer's operations were accepted as.
  Wait begin(Receipt first, std::size_t count, BootTime deadline);
  /// The process is gone, and the connections of those who wait with it.
  void crashed() { open_.clear(); }
  /// Everything is settled and reported: nobody who is told nothing before the deadline is left.
  void check_end() const;

  std::size_t told() const { return told_; }

 private:
  void tell(Receipt first, BootTime deadline, const std::vector<OperationOutcome>& outcomes);
  void check(const OperationOutcome& outcome) const;
  bool has_died(Receipt receipt) const;
  void check_ids(const std::vector<OperationOutcome>& outcomes) const;

  const Clock& clock_;
  const Ledger& ledger_;
  Findings& findings_;
  std::set<Receipt> open_;  // by their first operation
  std::size_t told_ = 0;    // of an outcome
};

}  // namespace flowmyna::simulation
