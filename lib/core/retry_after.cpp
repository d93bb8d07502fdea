#include "core/retry_after.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <string_view>

#include "core/header_text.h"

namespace flowmyna {
namespace {

/// Of what is too large for the type, the largest (or smallest) value that it has.
std::optional<std::int64_t> to_integer(std::string_view text) {
  using Limits = std::numeric_limits<std::int64_t>;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    return text.front() == '-' ? Limits::min() : Limits::max();
  }
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<tm> parse_date(const std::string& text, const char* format) {
  tm parts{};
  const char* end = strptime(text.c_str(), format, &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return parts;
}

/// Of the years that end in these two digits, the one less than 50 years from now.
int nearest_year(int two_digits, std::int64_t now_unix_s) {
  const time_t now = now_unix_s;
  tm today{};
  gmtime_r(&now, &today);
  const int latest = today.tm_year + 50;
  return latest - (latest - two_digits) % 100;
}

std::optional<std::int64_t> http_date_to_unix(const std::string& text, std::int64_t now_unix_s) {
  auto parts = parse_date(text, "%a, %d %b %Y %H:%M:%S GMT");               // IMF-fixdate
  if (!parts) parts = parse_date(text, "%a %b %d %H:%M:%S %Y");             // asctime
  if (!parts && (parts = parse_date(text, "%A, %d-%b-%y %H:%M:%S GMT"))) {  // RFC 850
    parts->tm_year = nearest_year(parts->tm_year % 100, now_unix_s);
  }
  if (!parts) return std::nullopt;
  return timegm(&*parts);
}

/// The seconds until a point in time, without overflow whatever a header says.
std::int64_t seconds_until(std::int64_t unix_s, std::int64_t now_unix_s) {
  if (unix_s <= now_unix_s) return 0;
  const auto distance = static_cast<std::uint64_t>(unix_s) - static_cast<std::uint64_t>(now_unix_s);
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(distance, kMax));
}

/// What the server's clock shows where it says so, ours otherwise: a device without a battery may
/// be years off, and the times that the server names are its own.
std::int64_t server_now(const Answer& answer, std::int64_t now_unix_s) {
  const std::string date(trim_blanks(answer.date));
  return http_date_to_unix(date, now_unix_s).value_or(now_unix_s);
}

std::optional<std::int64_t> asked_seconds(const Answer& answer, std::int64_t now_unix_s) {
  const std::string_view retry_after = trim_blanks(answer.retry_after);
  if (const auto seconds = to_integer(retry_after)) return seconds;
  if (const auto date = http_date_to_unix(std::string(retry_after), now_unix_s)) {
    return seconds_until(*date, now_unix_s);
  }
  if (const auto reset = to_integer(trim_blanks(answer.rate_limit_reset))) {
    return seconds_until(*reset, now_unix_s);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::seconds> asked_wait(const Answer& answer, std::int64_t now_unix_s) {
  const auto seconds = asked_seconds(answer, server_now(answer, now_unix_s));
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(
      std::clamp<std::int64_t>(*seconds, kAskedWaitMin.count(), kAskedWaitMax.count()));
}

}  // namespace flowmyna
