#include "delivery/lane.h"

#include <algorithm>

namespace flowmyna {
namespace {

// A wrong key or address is mended by a person, who may do so without telling us.
constexpr std::chrono::minutes kMisconfiguredInterval{5};

// So many different batches, and nothing but them: that is not what three batches look like.
constexpr std::size_t kRefusedMax = 3;

}  // namespace

void Lane::delivered(BootTime now) {
  delivered_at_ = now;
  on_trial_ = is_refusing_ = false;
  failures_ = 0;
  closed_until_ = BootTime(0);
  refused_.clear();
  last_error_.clear();
}

void Lane::failed(const Verdict& verdict, const Failure& failure, BootTime now) {
  last_error_ = verdict.reason;
  DeliveryState reason = state_after(verdict.action);
  const bool is_for_people = reason != DeliveryState::kBackingOff;
  if (is_refusing_ && !is_for_people) reason = DeliveryState::kRefused;
  // What was in flight together fails together; it counts as one failure, but for one that has a
  // wait of its own.
  if (now < closed_until_ && (!is_for_people || reason == reason_)) return;
  reason_ = reason;
  if (failure.is_news || failures_ == 0) ++failures_;
  may_be_networks_ = verdict.is_of_path;
  auto wait = is_for_people ? std::chrono::milliseconds(kMisconfiguredInterval)
                            : backoff_wait(options_, failures_, random_);
  if (failure.is_of_old_network) wait = std::min(wait, options_.initial);
  close(std::max(wait, verdict.wait), now);
}

bool Lane::refused(RequestId root, const std::string& words, BootTime now) {
  refused_.insert(root);
  if (refused_.size() >= kRefusedMax) is_refusing_ = true;
  if (!is_refusing_) return false;
  last_error_ = words;
  if (now < closed_until_) return true;
  reason_ = DeliveryState::kRefused;
  may_be_networks_ = false;
  close(backoff_wait(options_, ++failures_, random_), now);
  return true;
}

void Lane::close(std::chrono::milliseconds wait, BootTime now) {
  on_trial_ = true;
  not_before_ = now + options_.initial;
  closed_until_ = std::max(closed_until_, now + wait);
}

void Lane::lost_network() {
  on_trial_ = true;
  if (!may_be_networks_) return;
  failures_ = 0;
  // Something else may yet prove that there is a network.
  closed_until_ = std::min(closed_until_, not_before_);
}

}  // namespace flowmyna
