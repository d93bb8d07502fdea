#include "back_off_rule.h"

#include <algorithm>

namespace flowmyna::simulation {
namespace {

// The failure table: a wrong key or address is tried again every five minutes.
constexpr std::chrono::minutes kWrongSettingWait{5};

}  // namespace

BackOffRule::Sent BackOffRule::sent(bool is_probe, BootTime now) {
  const Sent sent{now, !is_open_, wrong_with_sending(now)};
  if (sent.is_attempt) attempts_.insert(now);
  if (sent.is_attempt || is_probe) last_attempt_at_ = now;
  return sent;
}

std::string BackOffRule::wrong_with_sending(BootTime now) const {
  if (now < throttled_until_) {
    return "a request was sent " + std::to_string((throttled_until_ - now).count()) +
           " ms before the wait of a 429 was over";
  }
  if (is_open_) return "";
  if (now < not_before_) {
    return "a request was sent " + std::to_string((not_before_ - now).count()) +
           " ms before the back-off could be over";
  }
  const bool is_one_under_way =
      std::ranges::any_of(attempts_, [&](BootTime sent_at) { return !is_overtaken(sent_at, now); });
  return is_one_under_way ? "two attempts after a failure are under way at once" : "";
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

void BackOffRule::answered(Fault fault, Wait asked_wait, bool is_probe, const Sent& sent,
                           BootTime now) {
  if (const auto it = attempts_.find(sent.at); sent.is_attempt && it != attempts_.end()) {
    attempts_.erase(it);
  }
  if (fault == Fault::kNone) {
    if (is_probe) return;
    is_open_ = got_through_ = true;
    not_before_ = BootTime(0);
    attempts_.clear();
    return;
  }
  const bool is_throttled = fault == Fault::kThrottled;
  const bool is_past = is_of_old_network(sent.at) && !is_throttled;
  if (is_past && (got_through_ || sent.at < last_attempt_at_)) return;
  const Wait wait = is_past ? retry_initial_ : wait_after(fault, asked_wait);
  if (is_throttled) throttled_until_ = std::max(throttled_until_, now + wait);
  // What was under way when the first failure came fails with it, and says nothing new; nor does
  // it during the wait of a 429.
  if (is_open_ && now >= throttled_until_) closed(is_past ? sent.at : now, wait);
  if (sent.is_attempt) closed(sent.at, wait);
  is_open_ = false;
}

void BackOffRule::closed(BootTime since, Wait wait) {
  not_before_ = since + wait;
  not_before_at_least_ = since + retry_initial_;
}

void BackOffRule::hurried(BootTime now) {
  not_before_ = std::min(not_before_, now);
  throttled_until_ = std::min(throttled_until_, now);
}

void BackOffRule::network_changed(BootTime now) {
  network_at_ = now;
  got_through_ = false;
  not_before_ = std::min(not_before_, not_before_at_least_);
}

bool BackOffRule::is_overtaken(BootTime sent_at, BootTime now) const {
  return is_of_old_network(sent_at) && now >= sent_at + retry_initial_;
}

}  // namespace flowmyna::simulation
