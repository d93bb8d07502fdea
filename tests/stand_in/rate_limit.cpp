#include "stand_in/rate_limit.h"

#include "stand_in/speech.h"

namespace flowmyna::stand_in {
namespace {

using std::chrono::seconds;
using Time = std::chrono::system_clock::time_point;

void add_headers(const Limits& limits, std::uint64_t used, Time now, Time ends, Headers& headers) {
  // Whole seconds, rounded up: whoever waits until then finds the window ended.
  const auto reset = std::chrono::ceil<seconds>(ends);
  const bool exceeded = used > limits.rate;
  switch (limits.rate_says) {
    case Limits::Says::kReset:
      headers.emplace_back("X-RateLimit-Limit", std::to_string(limits.rate));
      headers.emplace_back("X-RateLimit-Remaining",
                           std::to_string(exceeded ? 0 : limits.rate - used));
      headers.emplace_back("X-RateLimit-Reset", std::to_string(reset.time_since_epoch().count()));
      return;
    case Limits::Says::kRetryAfter: {
      const auto wait = std::chrono::ceil<seconds>(ends - now);
      if (exceeded) headers.emplace_back("Retry-After", std::to_string(wait.count()));
      return;
    }
    case Limits::Says::kRetryAfterDate:
      if (exceeded) headers.emplace_back("Retry-After", format_http_date(reset));
      return;
    case Limits::Says::kNothing:
      return;
  }
}

}  // namespace

bool RateLimit::admit(const std::string& key, const Limits& limits, Time now, Headers& headers) {
  if (limits.rate == 0) return true;
  const std::lock_guard lock(mutex_);
  Window& window = windows_[key];
  // A window that ends later than a new one would is of a clock that went wrong since.
  const bool valid = window.ends > now && window.ends <= now + limits.rate_window;
  if (!valid) window = {now + limits.rate_window, 0};
  const bool admitted = window.used < limits.rate;
  if (admitted) ++window.used;
  add_headers(limits, admitted ? window.used : limits.rate + 1, now, window.ends, headers);
  return admitted;
}

}  // namespace flowmyna::stand_in
