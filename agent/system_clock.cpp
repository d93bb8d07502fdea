#include "agent/system_clock.h"

#include <time.h>

#include <array>
#include <cstdio>

namespace flowmyna {
namespace {

std::int64_t now_ms(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

BootTime SystemClock::boot_now() const {
  return BootTime(now_ms(CLOCK_BOOTTIME));
}
std::int64_t SystemClock::unix_now_ms() const {
  return now_ms(CLOCK_REALTIME);
}

std::string iso8601_utc(std::int64_t unix_ms) {
  const time_t seconds = unix_ms / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 48> text{};
  const std::size_t size = strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(unix_ms % 1000));
  return text.data();
}

}  // namespace flowmyna
