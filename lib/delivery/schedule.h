#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/outbox.h"
#include "core/planner.h"

namespace flowmyna {

/// A window of the backlog, read into operations. Everything points into `window`.
struct Batch {
  Window window;
  std::vector<Operation> operations;  ///< one a row

  /// kCorrupt when a row is not an operation.
  static Result<std::shared_ptr<const Batch>> read(Window window);
};

/// The planned requests that are not sealed yet, and what each still waits for. Pure bookkeeping:
/// the foreman loads a plan, takes what is ready, and says what was settled.
class Schedule {
 public:
  /// Replaces what was there: unsealed requests are only ever a plan.
  void load(std::shared_ptr<const Batch> batch, std::vector<PlannedRequest> plan);
  void clear() { load(nullptr, {}); }

  bool has_ready() const { return !ready_.empty(); }
  std::size_t ready() const { return ready_.size(); }
  /// Operations that are planned and not taken.
  std::size_t operations() const { return operations_; }
  /// The lowest receipt among them, or 0 when there is none.
  Receipt lowest() const;

  struct Taken {
    std::shared_ptr<const Batch> batch;
    PlannedRequest request;
  };
  /// Takes the ready request that stands first in the plan; from now on it is known as `id`.
  Taken take(RequestId id);
  /// A sealed request is settled: what waited for it alone is ready.
  void settled(RequestId id);

 private:
  struct Slot {
    PlannedRequest request;
    std::size_t blockers = 0;
    std::vector<std::uint32_t> dependents;  // slots
    bool taken = false;
  };
  void unblock(const std::vector<std::uint32_t>& slots);

  std::shared_ptr<const Batch> batch_;
  std::vector<Slot> slots_;
  std::deque<std::uint32_t> ready_;
  std::unordered_map<RequestId, std::vector<std::uint32_t>> dependents_;
  std::size_t operations_ = 0;
};

}  // namespace flowmyna
