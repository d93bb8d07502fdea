#include "core/timestamp.h"

#include <time.h>

#include <array>
#include <chrono>

namespace flowmyna {

std::string iso8601_utc(std::int64_t unix_ms) {
  const std::chrono::milliseconds time(unix_ms);
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const time_t seconds = second.count();
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 48> text{};
  const std::size_t size = strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string milliseconds = std::to_string(1000 + (time - second).count());
  return std::string(text.data(), size) + "." + milliseconds.substr(1) + "Z";
}

}  // namespace flowmyna
