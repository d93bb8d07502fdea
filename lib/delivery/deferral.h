#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "core/outbox.h"
#include "core/planner.h"

namespace flowmyna {

/// What of the backlog was read and passed over, because it has to wait for something that will
/// take its time; so that what waits for nothing is found behind it, however much that is. Pure.
///
/// It is remembered by object and not by operation: of each object that must not be touched, the
/// lowest receipts that touch and write it. An operation that comes later and touches it in a way
/// that does not commute is passed over as well, and its own objects are remembered. Once in a
/// while everything is forgotten, and read again from `lowest` on.
///
/// `objects_max` bounds the memory (some 50 bytes an object): beyond it nothing more may be passed
/// over, so reading ends there.
class Deferral {
 public:
  explicit Deferral(std::size_t objects_max = 100'000) : objects_max_(objects_max) {}

  /// These have to wait for what touches this, whatever their receipts: a request, or what is
  /// planned.
  void block(std::span<const Touch> touches) { add(touches, 0); }
  /// Whether an operation that touches this waits for what was blocked or deferred before it.
  bool blocks(std::span<const Touch> touches, Receipt receipt) const {
    if (objects_.empty()) return false;
    return std::ranges::any_of(touches, [&](const Touch& touch) {
      const auto it = objects_.find(touch.object);
      if (it == objects_.end()) return false;
      return (touch.writes ? it->second.touched : it->second.written) < receipt;
    });
  }
  /// The operation was passed over.
  void defer(std::span<const Touch> touches, Receipt receipt) {
    lowest_ = lowest_ == 0 ? receipt : std::min(lowest_, receipt);
    add(touches, receipt);
  }

  /// The lowest receipt that was passed over; 0: none was.
  Receipt lowest() const { return lowest_; }
  bool is_full() const { return objects_.size() >= objects_max_; }
  void clear() {
    objects_.clear();
    lowest_ = 0;
  }

 private:
  static constexpr Receipt kNever = UINT64_MAX;
  struct Earliest {
    Receipt touched = kNever;
    Receipt written = kNever;
  };

  void add(std::span<const Touch> touches, Receipt receipt) {
    for (const Touch& touch : touches) {
      Earliest& earliest = objects_[touch.object];
      earliest.touched = std::min(earliest.touched, receipt);
      if (touch.writes) earliest.written = std::min(earliest.written, receipt);
    }
  }

  std::size_t objects_max_;
  Receipt lowest_ = 0;
  std::unordered_map<std::uint64_t, Earliest> objects_;
};

}  // namespace flowmyna
