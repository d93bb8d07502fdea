#include "delivery/gate.h"

#include <algorithm>

#include "core/retry_after.h"

namespace flowmyna {
namespace {

// A wrong key or address is mended by a person, who may do so without telling us.
constexpr std::chrono::minutes kMisconfiguredInterval{5};

DeliveryState reason_of(const Verdict& verdict) {
  switch (verdict.action) {
    case Verdict::Action::kUnauthorized:
      return DeliveryState::kUnauthorized;
    case Verdict::Action::kMisconfigured:
      return DeliveryState::kMisconfigured;
    default:
      return DeliveryState::kBackingOff;
  }
}

}  // namespace

std::size_t Gate::allowance(BootTime now, std::size_t max) const {
  if (paused_ || needs_probe_ || now < closed_until_) return 0;
  return on_trial_ ? std::min<std::size_t>(1, max) : max;
}

bool Gate::wants_probe(BootTime now) const {
  return needs_probe_ && !probing_ && !paused_ && now >= closed_until_;
}

std::optional<BootTime> Gate::next_change(BootTime now) const {
  if (paused_ || now >= closed_until_) return std::nullopt;
  return closed_until_;
}

void Gate::probe_answered(const Verdict& verdict, BootTime now) {
  probing_ = false;
  if (verdict.action == Verdict::Action::kSettle) {
    needs_probe_ = false;
  } else {
    close(verdict, now);
  }
}

void Gate::failed(const Verdict& verdict, BootTime now) {
  const bool is_known = now < closed_until_ || (needs_probe_ && probing_);
  if (is_known && reason_of(verdict) == DeliveryState::kBackingOff &&
      verdict.action != Verdict::Action::kThrottled) {
    // What was in flight when the network went fails together; it counts as one failure.
    last_error_ = verdict.reason;
    on_trial_ = true;
    if (verdict.wait.count() > 0) closed_until_ = std::max(closed_until_, now + verdict.wait);
    return;
  }
  close(verdict, now);
}

void Gate::delivered(BootTime now) {
  failures_ = 0;
  needs_probe_ = false;
  // What was under way before a 429 ends neither the wait that this asked for nor its growth.
  if (waits_for_throttle(now)) return;
  throttles_ = 0;
  on_trial_ = false;
  closed_until_ = BootTime(0);
  last_error_.clear();
}

bool Gate::waits_for_throttle(BootTime now) const {
  return throttled_ && now < closed_until_;
}

void Gate::close(const Verdict& verdict, BootTime now) {
  last_error_ = verdict.reason;
  on_trial_ = true;
  reason_ = reason_of(verdict);
  if (verdict.action == Verdict::Action::kThrottled) {
    throttle(verdict.wait, now);
    return;
  }
  if (now >= closed_until_) throttled_ = false;
  ++failures_;
  needs_probe_ = true;
  const auto wait = reason_ == DeliveryState::kBackingOff
                        ? std::max(backoff_wait(options_, failures_, random_), verdict.wait)
                        : std::chrono::milliseconds(kMisconfiguredInterval);
  closed_until_ = std::max(closed_until_, now + wait);
}

/// No probe afterwards: it would count against the limit as well.
void Gate::throttle(std::chrono::milliseconds asked, BootTime now) {
  auto wait = asked;
  if (!waits_for_throttle(now)) {
    // What was asked for before did not help, or nothing was: 1 s, 2 s, 4 s, … as the vendor
    // advises. What was under way together with the first 429 counts as one with it.
    const BackoffOptions growth{kAskedWaitMin, options_.max};
    wait = std::max(wait, backoff_wait(growth, ++throttles_, random_));
  }
  throttled_ = true;
  closed_until_ = std::max(closed_until_, now + wait);
}

void Gate::resume(BootTime now) {
  paused_ = false;
  hurry(now);
}

void Gate::hurry(BootTime now) {
  closed_until_ = std::min(closed_until_, now);
}

DeliveryState Gate::state(BootTime now) const {
  if (paused_) return DeliveryState::kPaused;
  const bool closed = now < closed_until_ || (needs_probe_ && failures_ > 0);
  return closed ? reason_ : DeliveryState::kDelivering;
}

}  // namespace flowmyna
