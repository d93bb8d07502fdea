#include "agent/config/units.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <system_error>

namespace flowmyna {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first, as the formatters need it.
constexpr std::array kDurations = {Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000},
                                   Unit{"ms", 1}};
constexpr std::array kSizes = {Unit{"GiB", 1ULL << 30U}, Unit{"MiB", 1ULL << 20U},
                               Unit{"KiB", 1ULL << 10U}, Unit{"B", 1}};

/// Also the most that fits into a signed count of milliseconds.
constexpr std::uint64_t kValueMax = std::numeric_limits<std::int64_t>::max();

template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text, const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit_name = text.substr(static_cast<std::size_t>(rest - text.data()));
  for (const Unit& unit : units) {
    if (unit.name != unit_name) continue;
    if (number > kValueMax / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

template <std::size_t N>
std::string format(std::uint64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return "0" + std::string(units.back().name);
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto parsed = parse(text, kDurations);
  if (parsed) return std::chrono::milliseconds(static_cast<std::int64_t>(*parsed));
  return fail(Error::Kind::kInvalid,
              "'" + std::string(text) +
                  "' is not a duration: write a whole number and a unit, like "
                  "\"250ms\", \"30s\", \"5m\" or \"1h\"");
}

Result<std::uint64_t> parse_size_bytes(std::string_view text) {
  const auto parsed = parse(text, kSizes);
  if (parsed) return *parsed;
  return fail(Error::Kind::kInvalid, "'" + std::string(text) +
                                         "' is not a size: write a whole number and a unit, like "
                                         "\"100B\", \"512KiB\", \"64MiB\" or \"1GiB\"");
}

std::string format_duration(std::chrono::milliseconds duration) {
  return format(static_cast<std::uint64_t>(duration.count()), kDurations);
}

std::string format_size(std::uint64_t size_bytes) {
  return format(size_bytes, kSizes);
}

}  // namespace flowmyna
