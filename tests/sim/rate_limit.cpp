#include "sim/rate_limit.h"

namespace flowmyna::sim {

bool RateLimit::admit(const std::string& key, Headers& headers) {
  if (requests_max_ == 0) return true;
  const auto now = std::chrono::system_clock::now();
  const std::lock_guard lock(mutex_);
  Window& window = windows_[key];
  if (window.ends <= now) window = {now + window_, 0};
  const bool admitted = window.used < requests_max_;
  if (admitted) ++window.used;
  // Whole seconds, rounded up: whoever waits until then finds the window ended.
  const auto reset = std::chrono::ceil<std::chrono::seconds>(window.ends.time_since_epoch());
  headers.emplace_back("X-RateLimit-Limit", std::to_string(requests_max_));
  headers.emplace_back("X-RateLimit-Remaining", std::to_string(requests_max_ - window.used));
  headers.emplace_back("X-RateLimit-Reset", std::to_string(reset.count()));
  return admitted;
}

}  // namespace flowmyna::sim
