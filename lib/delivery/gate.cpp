#include "delivery/gate.h"

#include <algorithm>

namespace flowmyna {
namespace {

// A wrong key or address is mended by a person, who may do so without telling us.
constexpr std::chrono::minutes kMisconfiguredInterval{5};

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
  close(verdict, now);
}

void Gate::delivered() {
  failures_ = 0;
  on_trial_ = false;
  needs_probe_ = false;
  closed_until_ = BootTime(0);
  last_error_.clear();
}

void Gate::close(const Verdict& verdict, BootTime now) {
  last_error_ = verdict.reason;
  on_trial_ = true;
  if (verdict.action == Verdict::Action::kThrottled) {
    // No probe afterwards: it would count against the limit as well.
    reason_ = DeliveryState::kBackingOff;
    closed_until_ = std::max(closed_until_, now + verdict.wait);
    return;
  }
  // What was in flight when the gate closed fails together; it counts as one failure.
  if (now < closed_until_) return;
  ++failures_;
  switch (verdict.action) {
    case Verdict::Action::kUnauthorized:
      reason_ = DeliveryState::kUnauthorized;
      closed_until_ = now + kMisconfiguredInterval;
      break;
    case Verdict::Action::kMisconfigured:
      reason_ = DeliveryState::kMisconfigured;
      closed_until_ = now + kMisconfiguredInterval;
      break;
    default:
      reason_ = DeliveryState::kBackingOff;
      closed_until_ = now + backoff_wait(options_, failures_, random_);
      break;
  }
  needs_probe_ = true;
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
