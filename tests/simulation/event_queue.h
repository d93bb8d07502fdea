#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/clock.h"

namespace flowmyna::simulation {

/// Its boot clock runs on over a reboot, though a real one starts anew: nothing may compare the
/// times of two boots.
class VirtualClock final : public Clock {
 public:
  BootTime boot_now() const override { return now_; }
  std::int64_t unix_now_ms() const override { return true_unix_ms() + error_.count(); }
  bool is_synchronised() const override { return is_synchronised_; }
  BootId boot_id() const override { return boot_; }

  /// What everybody else's clock says.
  std::int64_t true_unix_ms() const { return kBootUnixMs + now_.count(); }
  void set(BootTime now) { now_ = now; }
  /// A new boot; what the wall clock starts with is off by `error`.
  void reboot(std::chrono::milliseconds error) {
    ++boot_;
    is_synchronised_ = false;
    error_ = error;
  }
  void step(std::chrono::milliseconds error) { error_ = error; }
  void synchronise() {
    is_synchronised_ = true;
    error_ = std::chrono::milliseconds(0);
  }

 private:
  static constexpr std::int64_t kBootUnixMs = 1'700'000'000'000;

  // Not 0: the agent never starts at the very moment of boot.
  BootTime now_{1'000};
  BootId boot_ = 0;
  std::chrono::milliseconds error_{0};
  bool is_synchronised_ = true;
};

/// Everything that will happen, in the order of virtual time; what is due at one time happens in
/// the order in which it was scheduled, so a run depends on its seed alone.
class EventQueue {
 public:
  using Event = std::function<void()>;

  const VirtualClock& clock() const { return clock_; }
  VirtualClock& clock() { return clock_; }
  BootTime now() const { return clock_.boot_now(); }

  void at(BootTime when, Event event) {
    events_.push_back({std::max(when, now()), next_++, std::move(event)});
    std::ranges::push_heap(events_, is_later);
  }
  void after(std::chrono::milliseconds delay, Event event) { at(now() + delay, std::move(event)); }

  /// Moves time on to the next event and has it happen; false when there is none.
  bool run_next() {
    if (events_.empty()) return false;
    std::ranges::pop_heap(events_, is_later);
    Entry entry = std::move(events_.back());
    events_.pop_back();
    clock_.set(entry.when);
    entry.event();
    return true;
  }

 private:
  struct Entry {
    BootTime when;
    std::uint64_t number;
    Event event;
  };
  static bool is_later(const Entry& a, const Entry& b) {
    return std::pair(a.when, a.number) > std::pair(b.when, b.number);
  }

  VirtualClock clock_;
  std::vector<Entry> events_;
  std::uint64_t next_ = 0;
};

/// Ends with its owner: an event that it guards is skipped from then on.
class Lifetime {
 public:
  template <class F>
  EventQueue::Event guard(F event) const {
    return [weak = std::weak_ptr<char>(token_), event = std::move(event)]() mutable {
      if (!weak.expired()) event();
    };
  }

 private:
  std::shared_ptr<char> token_ = std::make_shared<char>();
};

}  // namespace flowmyna::simulation
