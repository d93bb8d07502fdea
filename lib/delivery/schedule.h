#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/planner.h"
#include "core/request.h"
#include "core/result.h"
#include "core/seal.h"

namespace flowmyna {

/// Operations of the backlog, read. Everything points into `window`.
struct Batch {
  Window window;
  std::vector<Operation> operations;  ///< one a row

  /// kCorrupt when a row is not an operation.
  static Result<std::shared_ptr<const Batch>> read(Window window);
};

/// The items that are planned and in no request yet, and what each still waits for. Pure
/// bookkeeping: the foreman loads a plan, has requests filled from what waits for nothing, oldest
/// first, and says what was settled.
class Schedule {
 public:
  /// Replaces what was there: what is in no request is only ever a plan.
  void load(std::shared_ptr<const Batch> batch, std::vector<PlannedItem> plan);
  /// Adds what conflicts with nothing here but what is older, planned with `untaken` among what is
  /// outstanding; it may itself be older than other things here.
  void add(std::shared_ptr<const Batch> batch, std::vector<PlannedItem> plan);
  void clear();
  /// What is planned and not taken, each item under an id that only `add` knows.
  std::vector<OutstandingRequest> untaken(const PlanOptions& options) const;
  /// What those touch that wait for something.
  std::vector<Touch> blocked_touches(const PlanOptions& options) const;
  /// The operations that are planned and not taken, in no order.
  void append_receipts(std::vector<Receipt>& out) const;

  struct Keep {
    std::array<bool, kKinds> kinds{};  ///< by index_of(Kind)
    std::size_t operations_max = 0;
  };
  struct GivenUp {
    Receipt lowest = 0;
    std::vector<Touch> touches;
  };
  /// Keeps the oldest of those that wait for nothing, and gives up all other items: what waits for
  /// something leaves with what it waits for.
  std::vector<GivenUp> keep_ready(const Keep& keep, const PlanOptions& options);

  /// How many items of a kind could go into a request, and the lowest receipt among them (0: none).
  std::size_t ready(Kind kind) const { return ready_items_[index_of(kind)]; }
  Receipt oldest_ready(Kind kind) const;
  /// Operations that are planned and not taken, what they take at most in requests, and the lowest
  /// receipt among them (0: none).
  std::size_t operations() const { return operations_; }
  std::size_t bytes() const { return bytes_; }
  Receipt lowest() const;
  /// Items since the last load, whatever became of them: what this takes in memory.
  std::size_t items() const { return slots_.size(); }

  struct Limits {
    std::size_t items_max = 100;
    std::size_t bytes_max = 1U << 20;  ///< unless one item is larger
  };
  struct Taken {
    std::vector<ItemMembers> members;
    std::vector<RequestItem> items;  ///< point into `batches`
    std::vector<std::shared_ptr<const Batch>> batches;
  };
  /// Whether what is ready of a kind makes a full request.
  bool fills(Kind kind, const Limits& limits) const {
    return ready(kind) >= limits.items_max || ready_bytes_[index_of(kind)] >= limits.bytes_max;
  }
  /// Fills a request with what waits for nothing, oldest first, all of one group. There must be
  /// some. From now on it is known as `id`.
  Taken take(Kind kind, RequestId id, const Limits& limits);
  /// The same with a single item of those, wherever it stands among them: which one follows from
  /// `number`, any. Where some of them touch nothing of `avoided`, it is one of these.
  Taken take_any(Kind kind, RequestId id, std::uint64_t number, std::span<const Touch> avoided,
                 const PlanOptions& options);
  /// A request is settled: what waited for nothing else is ready.
  void settled(RequestId id);

  /// What should always hold and does not, in words; empty when all does. Nothing may wait for a
  /// request that is not there any more, for nobody would say that it is settled.
  std::string broken_invariant(const std::function<bool(RequestId)>& is_outstanding) const;

 private:
  using Slots = std::vector<std::uint32_t>;
  struct Slot {
    PlannedItem item;
    std::shared_ptr<const Batch> batch;  // null once it is taken
    Receipt receipt = 0;                 // the lowest of its operations
    std::size_t blockers = 0;
    Slots dependents;
  };
  struct ReadySlot {
    Receipt receipt = 0;  // the slot's
    std::uint32_t number = 0;
  };
  /// Oldest first. What is added is nearly always younger or older than nearly all that is there,
  /// so it finds its place in a few steps, of which a heap takes more for each that leaves.
  using Queue = std::deque<ReadySlot>;
  /// By group, the slots that wait for nothing. No queue is empty.
  using Ready = std::map<std::uint64_t, Queue>;
  struct Place {
    Ready::iterator group;
    Queue::iterator ready;
  };

  std::string broken_queues() const;
  std::string broken_waits(const std::function<bool(RequestId)>& is_outstanding) const;
  std::vector<ReadySlot> oldest_ready(const Keep& keep) const;
  void set_ready(std::uint32_t slot);
  /// Takes it out of its queue.
  Slot& pop_ready(Kind kind, Place place);
  Ready::iterator oldest_group(Kind kind);
  void move_into(Taken& taken, Slot& slot, Slots& dependents);
  void append_touches_of(const Slot& slot, const PlanOptions& options,
                         std::vector<Touch>& touches) const;

  std::vector<Slot> slots_;  // each after what it waits for
  std::array<Ready, kKinds> ready_;
  std::array<std::size_t, kKinds> ready_items_{};
  std::array<std::size_t, kKinds> ready_bytes_{};
  std::unordered_map<RequestId, Slots> dependents_;
  std::size_t operations_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace flowmyna
