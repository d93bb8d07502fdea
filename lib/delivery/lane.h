#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "core/backoff.h"
#include "core/clock.h"
#include "core/judge.h"
#include "core/seal.h"
#include "delivery/delivery_status.h"

namespace flowmyna {

/// Whether one endpoint takes requests: each has its own back-off, so that one which is down, or
/// refuses the key, or everything, holds up nobody else. Pure; `now` is boot time and only moves
/// forward.
///
/// An endpoint has failed when a request did and nothing was delivered since that was sent. (If
/// something was, or if the request had failed before that as well, the request alone is to blame.)
/// From then on one request at a time is tried, after a wait that grows: fresh work in turn with
/// what failed; and but for the first time a single item, since what is sealed cannot be merged any
/// more, and an event that was tried may have been recorded. That one is drawn from all that could
/// go, every second time from what has no object in common with what failed, so that nothing at the
/// head of the backlog, and nothing about one object, however much of it, can keep the endpoint
/// shut. Any delivery opens it.
///
/// When an endpoint refuses one batch after the other, each for the first time, that does not tell
/// of bad data: it is the API's fault or the key's. Then nothing is split or buried.
class Lane {
 public:
  Lane(BackoffOptions options, std::uint64_t seed) : options_(options), random_(seed) {}

  /// How many requests may be in flight: 0, 1 or `max`.
  std::size_t allowance(BootTime now, std::size_t max) const {
    if (now < closed_until_) return 0;
    return on_trial_ && max > 1 ? 1 : max;
  }
  std::optional<BootTime> next_change(BootTime now) const {
    return now < closed_until_ ? std::optional(closed_until_) : std::nullopt;
  }
  bool is_on_trial() const { return on_trial_; }
  /// What is tried should be a single item, any.
  bool is_searching() const { return on_trial_ && failures_ > 0; }
  bool is_refusing() const { return is_refusing_; }
  /// Something was delivered after this moment.
  bool delivered_since(BootTime at) const { return delivered_at_ && *delivered_at_ >= at; }

  /// The API has taken an item.
  void delivered(BootTime now);
  struct Failure {
    /// Of a request that left under it: had its answer come before the network changed, the change
    /// would have ended the wait.
    bool is_of_old_network = false;
    /// Otherwise it was to be expected, and the waits do not grow.
    bool is_news = true;
  };
  /// A request failed, and nothing was delivered since it was sent.
  void failed(const Verdict& verdict, const Failure& failure, BootTime now);
  /// A request that comes from the batch `root` was refused by an endpoint that has taken nothing
  /// since. Whether the endpoint refuses everything.
  bool refused(RequestId root, const std::string& words, BootTime now);
  /// The next request goes alone.
  void go_alone() { on_trial_ = true; }
  /// There is no network: if the last failure may have been for want of it, it was.
  void lost_network();

  void hurry(BootTime now) { closed_until_ = std::min(closed_until_, now); }
  void network_changed(BootTime now) {
    closed_until_ = std::min(closed_until_, std::max(now, not_before_));
  }
  void key_changed(BootTime now) {
    if (reason_ == DeliveryState::kUnauthorized) network_changed(now);
  }

  /// kDelivering, or why it takes nothing until something is delivered.
  DeliveryState state() const { return failures_ > 0 ? reason_ : DeliveryState::kDelivering; }
  const std::string& last_error() const { return last_error_; }

 private:
  void close(std::chrono::milliseconds wait, BootTime now);

  BackoffOptions options_;
  Random random_;
  bool on_trial_ = true;
  bool is_refusing_ = false;
  std::uint32_t failures_ = 0;    // in a row
  bool may_be_networks_ = false;  // the last of them
  DeliveryState reason_ = DeliveryState::kBackingOff;
  BootTime closed_until_{0};
  BootTime not_before_{0};  // whatever the network does
  std::optional<BootTime> delivered_at_;
  std::set<RequestId> refused_;  // batches, since the last delivery
  std::string last_error_;
};

}  // namespace flowmyna
