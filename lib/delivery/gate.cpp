#include "delivery/gate.h"

#include <algorithm>
#include <utility>

#include "core/retry_after.h"

namespace flowmyna {
namespace {

// A wrong key is mended by a person, who may do so without telling us.
constexpr std::chrono::minutes kUnauthorizedInterval{5};

// A file that is missing is looked for as often.
constexpr std::chrono::seconds kMisconfiguredMax{30};

// A network comes in steps: link, address, route, name server, a portal's consent. For so long
// after each, the waits grow from their beginning, whatever came before.
constexpr std::chrono::seconds kSettling{10};

}  // namespace

/// A probe is under way and has to be waited for. One that the network changed under may never be
/// answered.
bool Gate::probe_blocks(BootTime now) const {
  if (!probing_) return false;
  return !is_of_old_network(probe_sent_at_) || now < overtaken_at(probe_sent_at_);
}

/// The one request that is to open the gate is under way, likewise.
bool Gate::trial_blocks(BootTime now) const {
  if (!is_tried_) return false;
  return !is_of_old_network(trial_sent_at_) || now < overtaken_at(trial_sent_at_);
}

bool Gate::wants_probe(BootTime now) const {
  return needs_probe_ && !probe_blocks(now) && !trial_blocks(now) && !paused_ &&
         now >= closed_until_;
}

std::optional<BootTime> Gate::next_change(BootTime now) const {
  if (paused_) return std::nullopt;
  if (now < closed_until_) return closed_until_;
  if (!needs_probe_) return std::nullopt;
  if (probe_blocks(now) && is_of_old_network(probe_sent_at_)) return overtaken_at(probe_sent_at_);
  if (trial_blocks(now) && is_of_old_network(trial_sent_at_)) return overtaken_at(trial_sent_at_);
  return std::nullopt;
}

void Gate::probe_sent(BootTime now) {
  probing_ = true;
  probe_sent_at_ = tried_at_ = now;
}

void Gate::probe_answered(const Verdict& verdict, bool is_answered, BootTime sent_at,
                          BootTime now) {
  const bool is_overtaken = sent_at != probe_sent_at_;
  if (is_overtaken && verdict.action != Verdict::Action::kThrottled) return;
  if (!is_overtaken) probing_ = false;
  if (is_way(verdict)) {
    needs_probe_ = false;
    failures_ = failures_since_ = 0;
    return;
  }
  if (is_of_old_key(verdict, sent_at) || is_refuted(verdict, sent_at)) return;
  close(verdict, sent_at, now);
  // Where even health is refused, or a page, the next attempt may as well be a request.
  data_is_next_ = is_answered && !std::exchange(data_is_next_, false);
  if (data_is_next_) needs_probe_ = false;
}

/// Whether an answer to the health request says that the API can be reached.
bool Gate::is_way(const Verdict& verdict) const {
  switch (verdict.action) {
    case Verdict::Action::kSettle:
      return true;
    case Verdict::Action::kUnauthorized:
      return key_works_ && !verdict.is_of_path;
    case Verdict::Action::kRetry:
      return !verdict.is_of_path;
    default:
      return false;
  }
}

void Gate::request_sent(BootTime now) {
  tried_at_ = now;
  if (!on_trial_) return;
  is_tried_ = true;
  trial_sent_at_ = now;
}

void Gate::failed(const Verdict& verdict, BootTime sent_at, BootTime now) {
  const bool was_on_trial = is_tried_ && sent_at == trial_sent_at_;
  if (was_on_trial) is_tried_ = false;
  if (is_of_old_key(verdict, sent_at)) return;
  const bool is_throttled = verdict.action == Verdict::Action::kThrottled;
  const bool was_tried_since = proven_ || (network_at_ && tried_at_ > *network_at_);
  if (is_of_old_network(sent_at) && was_tried_since && !is_throttled) return;
  const bool is_known = now < closed_until_ || (needs_probe_ && failures_ > 0);
  if (is_known && state_after(verdict.action) == DeliveryState::kBackingOff && !is_throttled) {
    // What was in flight when the network went fails together; it counts as one failure.
    last_error_ = verdict.reason;
    on_trial_ = true;
    // It was an attempt all the same: the next comes `BackoffOptions::initial` after it.
    const bool was_attempt = was_on_trial || is_of_old_network(sent_at);
    const BootTime at_least =
        std::max(now + verdict.wait, was_attempt ? overtaken_at(sent_at) : now);
    not_before_ = std::max(not_before_, at_least);
    closed_until_ = std::max(closed_until_, at_least);
    return;
  }
  close(verdict, sent_at, now);
}

/// A failure of an old network, since which the present one has delivered.
bool Gate::is_refuted(const Verdict& verdict, BootTime sent_at) const {
  return proven_ && is_of_old_network(sent_at) && verdict.action != Verdict::Action::kThrottled;
}

/// A refusal of the key that was in use when the request left, not of the present one.
bool Gate::is_of_old_key(const Verdict& verdict, BootTime sent_at) const {
  return verdict.action == Verdict::Action::kUnauthorized && key_at_ && sent_at <= *key_at_;
}

void Gate::reached(BootTime now, bool delivered) {
  failures_ = failures_since_ = 0;
  is_tried_ = false;
  if (delivered) {
    proven_ = key_works_ = true;
    needs_probe_ = false;
    closed_until_ = throttled_until_;
  }
  // What was under way before a 429 ends neither the wait that this asked for nor its growth.
  if (now < throttled_until_) return;
  throttles_ = 0;
  on_trial_ = false;
  if (delivered) last_error_.clear();
}

void Gate::close(const Verdict& verdict, BootTime sent_at, BootTime now) {
  last_error_ = verdict.reason;
  on_trial_ = true;
  reason_ = state_after(verdict.action);
  if (reason_ == DeliveryState::kUnauthorized) key_works_ = false;
  if (verdict.action == Verdict::Action::kThrottled) {
    throttle(verdict.wait, now);
    return;
  }
  ++failures_;
  ++failures_since_;
  needs_probe_ = true;
  const bool is_past = is_of_old_network(sent_at);
  const BootTime at_least =
      std::max(is_past ? overtaken_at(sent_at) : now + options_.initial, now + verdict.wait);
  not_before_ = std::max(not_before_, at_least);
  closed_until_ =
      std::max(closed_until_, is_past ? at_least : std::max(at_least, now + next_wait(now)));
}

std::chrono::milliseconds Gate::next_wait(BootTime now) {
  if (reason_ == DeliveryState::kUnauthorized || reason_ == DeliveryState::kNoKey) {
    return kUnauthorizedInterval;
  }
  const bool is_settling = network_at_ && now < *network_at_ + kSettling;
  const auto wait = backoff_wait(options_, is_settling ? failures_since_ : failures_, random_);
  if (reason_ != DeliveryState::kMisconfigured) return wait;
  return std::min<std::chrono::milliseconds>(wait, kMisconfiguredMax);
}

/// No probe afterwards: it would count against the limit as well.
void Gate::throttle(std::chrono::milliseconds asked, BootTime now) {
  auto wait = asked;
  if (now >= throttled_until_) {
    // What was asked for before did not help, or nothing was: 1 s, 2 s, 4 s, … as the vendor
    // advises. What was under way together with the first 429 counts as one with it.
    const BackoffOptions growth{kAskedWaitMin, options_.max};
    wait = std::max(wait, backoff_wait(growth, ++throttles_, random_));
  }
  throttled_until_ = std::max(throttled_until_, now + wait);
  closed_until_ = std::max(closed_until_, throttled_until_);
}

void Gate::resume(BootTime now) {
  paused_ = false;
  hurry(now);
}

void Gate::hurry(BootTime now) {
  throttled_until_ = std::min(throttled_until_, now);
  end_back_off(now);
}

void Gate::end_back_off(BootTime now) {
  closed_until_ = std::min(closed_until_, std::max(now, throttled_until_));
}

void Gate::network_changed(BootTime now) {
  network_at_ = now;
  failures_since_ = 0;
  proven_ = false;
  closed_until_ = std::min(closed_until_, std::max({now, not_before_, throttled_until_}));
  if (!on_trial_ || now < throttled_until_) return;
  // Whoever is on the way back begins it anew, once the attempt under way has had its time; also
  // where it was answered, since a network that flaps would be asked as often as it does.
  needs_probe_ = true;
  closed_until_ = std::max(closed_until_, overtaken_at(probe_sent_at_));
}

void Gate::key_changed(BootTime now) {
  key_at_ = now;
  key_works_ = false;
  if (reason_ != DeliveryState::kUnauthorized && reason_ != DeliveryState::kNoKey) return;
  closed_until_ = std::min(closed_until_, std::max(now, throttled_until_));
}

DeliveryState Gate::state(BootTime now) const {
  if (paused_) return DeliveryState::kPaused;
  const bool closed = now < closed_until_ || (needs_probe_ && failures_ > 0);
  return closed ? reason_ : DeliveryState::kDelivering;
}

}  // namespace flowmyna
