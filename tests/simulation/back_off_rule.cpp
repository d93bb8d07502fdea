#include "back_off_rule.h"

#include <algorithm>

namespace flowmyna::simulation {
namespace {

// The failure table: a wrong key or address is tried again every five minutes.
constexpr std::chrono::minutes kWrongSettingWait{5};

std::string too_early(BootTime by, const char* what) {
  return "a request was sent " + std::to_string(by.count()) + " ms before " + what;
}

}  // namespace

BackOffRule::Sent BackOffRule::sent(Channel channel, BootTime now) {
  State& state = of(channel);
  const Sent sent{now, channel, !state.is_open, wrong_with_sending(channel, now), {}, {}};
  if (sent.is_attempt) state.attempts.insert(now);
  last_sent_at_ = now;
  return sent;
}

std::string BackOffRule::wrong_with_sending(Channel channel, BootTime now) const {
  if (now < throttled_until_) {
    return too_early(throttled_until_ - now, "the wait of a 429 was over");
  }
  for (const State* state : {&of(Channel::kHealth), &of(channel)}) {
    if (!state->is_open && now < state->not_before) {
      return too_early(state->not_before - now, "the back-off could be over");
    }
  }
  const State& state = of(channel);
  const bool is_one_under_way = std::ranges::any_of(
      state.attempts, [&](BootTime sent_at) { return !is_overtaken(sent_at, now); });
  if (state.is_open || !is_one_under_way) return "";
  return "two attempts after a failure are under way at once";
}

BackOffRule::Wait BackOffRule::wait_after(Fault fault, Wait asked_wait) const {
  switch (fault) {
    case Fault::kUnauthorized:
    case Fault::kNotFound:
      return kWrongSettingWait;
    case Fault::kThrottled:
      return std::clamp<Wait>(asked_wait, std::chrono::seconds(1), std::chrono::hours(1));
    default:
      return retry_initial_;
  }
}

bool BackOffRule::took_since(BootTime sent_at) const {
  return std::ranges::any_of(
      states_, [&](const State& state) { return state.took_at && *state.took_at >= sent_at; });
}

void BackOffRule::answered(Fault fault, Wait asked_wait, bool took_something, const Sent& sent,
                           BootTime now) {
  State& state = of(sent.channel);
  State& way = of(Channel::kHealth);
  if (const auto it = state.attempts.find(sent.at); sent.is_attempt && it != state.attempts.end()) {
    state.attempts.erase(it);
  }
  const bool is_probe = sent.channel == Channel::kHealth;
  if (took_something) {
    state.is_open = way.is_open = got_through_ = key_works_ = true;
    state.not_before = way.not_before = BootTime(0);
    state.took_at = now;
    state.took_nothing_at.clear();
    state.attempts.clear();
    way.attempts.clear();
    return;
  }
  // Who failed while others were taken may fail again: that says nothing of the others, unless one
  // of them has failed since as well, or, of who is turned away, even then. To a process that knows
  // nothing of the first time it does.
  const auto took_after = [&](const std::optional<BootTime>& since) {
    return since && state.took_at && *state.took_at >= *since;
  };
  const bool is_refusal = fault == Fault::kUnauthorized || fault == Fault::kNotFound;
  const bool fails_alone = state.is_open && took_after(sent.failing_since);
  if (is_refusal && (fails_alone || took_after(sent.turned_away_since))) {
    state.took_nothing_at.insert(now);
    return;
  }
  const bool is_throttled = fault == Fault::kThrottled;
  const bool is_past = is_of_old_network(sent.at) && !is_throttled;
  const bool is_overtaken = is_past && (got_through_ || !is_of_old_network(last_sent_at_));
  if (fault == Fault::kUnauthorized && !is_probe && !is_overtaken && !took_since(sent.at)) {
    key_works_ = false;
  }
  // Health that fails in the API's own way is a hint that there is a way; so
  // is one that refuses a key which works.
  const bool is_hint = is_probe && (fault == Fault::kServerError || fault == Fault::kNotFound ||
                                    fault == Fault::kGateway || fault == Fault::kTruncated ||
                                    (fault == Fault::kUnauthorized && key_works_));
  if (fault == Fault::kNone && !is_probe) {
    got_through_ = true;
    state.took_nothing_at.insert(now);
    return;
  }
  if (fault == Fault::kNone || is_hint) {
    got_through_ = way.is_open = true;
    way.not_before = BootTime(0);
    way.attempts.clear();
    return;
  }
  if (is_overtaken) return;
  const Wait wait = is_past ? retry_initial_ : wait_after(fault, asked_wait);
  if (is_throttled) throttled_until_ = std::max(throttled_until_, now + wait);
  const bool is_sure = is_throttled || fault == Fault::kRefused;
  if (!is_sure && state.took_at && *state.took_at >= sent.at) return;
  // Then what was lost was lost for want of a network, which is waited for instead.
  if (fault == Fault::kRefused) {
    of(Channel::kUpserts).not_before = of(Channel::kEvents).not_before = BootTime(0);
  }
  // What is left of it may look like a page, or like the API's.
  if (fault == Fault::kTruncated) way.is_open = false;
  const bool is_of_way = is_probe || (may_be_networks(fault) && (is_sure || !took_since(sent.at)));
  // The endpoint of what failed waits as well, whoever is to blame, unless nothing left for it.
  for (State* closing : {is_of_way ? &way : &state, fault == Fault::kRefused ? &way : &state}) {
    if (fails_alone && closing == &state && !is_sure) {
      state.took_nothing_at.insert(now);
      continue;
    }
    // What was under way when the first failure came fails with it, and says nothing new; nor does
    // it during the wait of a 429.
    if (closing->is_open && now >= throttled_until_) {
      close(*closing, is_past ? sent.at : began(*closing, sent, now), now, wait);
    }
    if (sent.is_attempt && closing == &state) close(state, sent.at, now, wait);
    closing->is_open = false;
  }
}

/// When the wait began at the earliest. What was under way when it last may have belongs to that
/// time, even if the way seemed to be open since; and an endpoint that refuses everything may have
/// begun it before what was under way then failed.
BootTime BackOffRule::began(const State& state, const Sent& sent, BootTime now) {
  if (sent.at <= state.closed_at) return state.waits_since;
  const auto refused = state.took_nothing_at.lower_bound(sent.at);
  return refused == state.took_nothing_at.end() ? now : *refused;
}

void BackOffRule::close(State& state, BootTime since, BootTime now, Wait wait) {
  state.waits_since = since;
  state.closed_at = now;
  state.not_before = since + wait;
  state.not_before_at_least = since + retry_initial_;
}

void BackOffRule::hurried(BootTime now) {
  for (State& state : states_) state.not_before = std::min(state.not_before, now);
  throttled_until_ = std::min(throttled_until_, now);
}

void BackOffRule::network_changed(BootTime now) {
  network_at_ = now;
  got_through_ = false;
  for (State& state : states_) {
    state.not_before = std::min(state.not_before, state.not_before_at_least);
  }
}

bool BackOffRule::is_overtaken(BootTime sent_at, BootTime now) const {
  return is_of_old_network(sent_at) && now >= sent_at + retry_initial_;
}

}  // namespace flowmyna::simulation
