#include "back_off_rule.h"

#include <algorithm>

namespace flowmyna::simulation {
namespace {

// The failure table: a wrong key or address is tried again every five minutes.
constexpr std::chrono::minutes kWrongSettingWait{5};

}  // namespace

BackOffRule::Sent BackOffRule::sent(BootTime now) {
  if (!is_open_) ++attempts_under_way_;
  return {now, !is_open_, wrong_with_sending(now)};
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
  return attempts_under_way_ > 1 ? "two attempts after a failure are under way at once" : "";
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
  if (sent.is_attempt && attempts_under_way_ > 0) --attempts_under_way_;
  if (fault == Fault::kNone) {
    if (!is_probe) {
      is_open_ = true;
      not_before_ = BootTime(0);
      attempts_under_way_ = 0;
    }
    return;
  }
  const Wait wait = wait_after(fault, asked_wait);
  if (fault == Fault::kThrottled) throttled_until_ = std::max(throttled_until_, now + wait);
  // What was under way when the first failure came fails with it, and says nothing new; nor does
  // it during the wait of a 429.
  if (is_open_ && now >= throttled_until_) not_before_ = now + wait;
  if (sent.is_attempt) not_before_ = sent.at + wait;
  is_open_ = false;
}

void BackOffRule::hurried(BootTime now) {
  not_before_ = std::min(not_before_, now);
  throttled_until_ = std::min(throttled_until_, now);
}

}  // namespace flowmyna::simulation
