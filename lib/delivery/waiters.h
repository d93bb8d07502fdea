#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/window.h"

namespace flowmyna {

/// What became of an operation, as its writer is told.
struct OperationOutcome {
  Receipt receipt = 0;
  enum class State : std::uint8_t { kPending, kDelivered, kDead, kDropped } state = State::kPending;
  std::string id;        ///< delivered: the API's UUID; empty when its answer did not tell
  bool created = false;  ///< delivered upsert: this operation made the object
  int status = 0;  ///< dead: HTTP status of the answer that refused it; 0: the outcome is unknown
  std::string reason;  ///< dead: the API's own words
};

/// A person gave the operation up.
inline OperationOutcome dropped(Receipt receipt) {
  return {receipt, OperationOutcome::State::kDropped, {}, false, 0, {}};
}

/// A writer who waits for the delivery of consecutive operations (`Prefer: wait`).
struct Wait {
  Receipt first = 0;
  std::size_t count = 0;  ///< at least 1
  BootTime deadline{0};
  /// Called once: with one outcome an operation, in order, when all are settled durably and known
  /// by their ids; else, at the deadline at the latest, with none.
  std::function<void(std::vector<OperationOutcome>)> done;
};

/// Who waits for what. Pure bookkeeping: the owner brings outcomes and time.
///
/// A wait must be added before delivery can read its operations: an outcome that is reported first
/// finds nobody. Waits never share an operation, since an operation has one writer. Costs a
/// comparison an operation while nobody waits, a search among the waits otherwise.
class Waiters {
 public:
  void add(Wait wait);
  bool empty() const { return waits_.empty(); }

  /// The number of the wait for this operation, the same for all of its operations; 0: nobody's.
  std::uint64_t group_of(Receipt receipt) const;
  bool awaits(Receipt receipt) const { return group_of(receipt) != 0; }

  /// How many operations are waited for, and which: they must not be folded into others, of which
  /// nobody here would be told.
  std::size_t operations() const;
  void append_receipts(std::vector<Receipt>& out) const;

  /// The settlement of the operation is durable. Nothing happens when nobody waits for it. What is
  /// dropped after it was dead stays dead.
  void report(OperationOutcome outcome);

  /// Ends the waits whose deadline has come.
  void expire(BootTime now);
  std::optional<BootTime> next_deadline() const;
  /// Ends all waits now, and from now on each at once.
  void release();

 private:
  struct Open {
    Wait wait;
    std::vector<OperationOutcome> outcomes;
    std::size_t missing = 0;
  };
  using Waits = std::map<Receipt, Open>;  // by their first operation

  Waits::const_iterator find(Receipt receipt) const;
  void end(Receipt first, bool is_known);

  Waits waits_;
  std::set<std::pair<BootTime, Receipt>> deadlines_;
  bool released_ = false;
};

}  // namespace flowmyna
