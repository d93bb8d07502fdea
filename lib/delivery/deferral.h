#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/planner.h"
#include "core/seal.h"

namespace flowmyna {

/// What of the backlog was read and passed over, because it has to wait for something that will
/// take its time; so that what waits for nothing is found after it, however much was passed over.
/// Pure.
///
/// It is remembered by object and not by operation: of each object that must not be touched, the
/// lowest receipts that touch and write it. An operation that comes later and touches it in a way
/// that does not commute is passed over as well, and its own objects are remembered. Once in a
/// while everything is forgotten, and read again from `lowest` on.
///
/// `objects_max` bounds the memory (32 bytes an object where it is full): beyond it nothing more
/// may be passed over, so reading ends there. (A std::unordered_map was rejected: it takes twice as
/// much, in pieces so small that the heap keeps them, and there may be four of these at a time.)
class Deferral {
 public:
  explicit Deferral(std::size_t objects_max = 100'000) : objects_max_(objects_max) {}

  /// These have to wait for what touches this, whatever their receipts: a request, or what is
  /// planned.
  void block(std::span<const Touch> touches) { add(touches, 0); }
  /// Whether an operation that touches this waits for what was blocked or deferred before it.
  bool blocks(std::span<const Touch> touches, Receipt receipt) const {
    if (objects_ == 0) return false;
    return std::ranges::any_of(touches, [&](const Touch& touch) {
      const Slot& slot = slots_[place_of(touch.object)];
      return (touch.writes ? slot.touched : slot.written) < receipt;
    });
  }
  /// The operation was passed over.
  void defer(std::span<const Touch> touches, Receipt receipt) {
    lowest_ = lowest_ == 0 ? receipt : std::min(lowest_, receipt);
    add(touches, receipt);
  }

  /// The lowest receipt that was passed over; 0: none was.
  Receipt lowest() const { return lowest_; }
  bool is_full() const { return objects_ >= objects_max_; }
  void clear() {
    slots_ = Slots();
    objects_ = 0;
    lowest_ = 0;
  }

 private:
  static constexpr Receipt kNever = UINT64_MAX;
  static constexpr std::size_t kSlotsMin = 64;

  struct Slot {
    std::uint64_t object = 0;
    Receipt touched = kNever;  // a free one is touched by nobody
    Receipt written = kNever;
    bool is_free() const { return touched == kNever; }
  };
  using Slots = std::vector<Slot>;

  void add(std::span<const Touch> touches, Receipt receipt) {
    for (const Touch& touch : touches) {
      make_room();
      Slot& slot = slots_[place_of(touch.object)];
      if (slot.is_free()) ++objects_;
      slot.object = touch.object;
      slot.touched = std::min(slot.touched, receipt);
      if (touch.writes) slot.written = std::min(slot.written, receipt);
    }
  }

  /// Where the object stands, or would. Objects are hashes already.
  std::size_t place_of(std::uint64_t object) const {
    std::size_t place = object;
    while (true) {
      place &= slots_.size() - 1;  // a power of two
      if (slots_[place].is_free() || slots_[place].object == object) return place;
      ++place;
    }
  }

  /// For one more object: an eighth of the slots stays free, so that a search is short.
  void make_room() {
    if (objects_ < slots_.size() / 8 * 7) return;
    const auto before = std::exchange(slots_, Slots(std::max(kSlotsMin, 2 * slots_.size())));
    for (const Slot& slot : before) {
      if (!slot.is_free()) slots_[place_of(slot.object)] = slot;
    }
  }

  std::size_t objects_max_;
  Receipt lowest_ = 0;
  std::size_t objects_ = 0;
  Slots slots_;  // each at the first free place from its hash on
};

}  // namespace flowmyna
