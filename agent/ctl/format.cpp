#include "agent/ctl/format.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace flowmyna::ctl {
namespace {

std::string one_decimal(double value, std::string_view unit) {
  std::array<char, 64> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.1f ", value);
  return std::string(buffer.data(), static_cast<std::size_t>(length)) + std::string(unit);
}

std::string two_units(std::uint64_t seconds, std::uint64_t large, std::string_view large_name,
                      std::uint64_t small, std::string_view small_name) {
  return std::to_string(seconds / large) + ' ' + std::string(large_name) + ' ' +
         std::to_string(seconds % large / small) + ' ' + std::string(small_name);
}

}  // namespace

std::string duration_text(double seconds) {
  seconds = std::clamp(seconds, 0.0, 1e12);
  if (seconds < 60) return one_decimal(seconds, "s");
  const auto whole = static_cast<std::uint64_t>(seconds);
  if (whole < 3600) return two_units(whole, 60, "min", 1, "s");
  if (whole < 86'400) return two_units(whole, 3600, "h", 60, "min");
  return two_units(whole, 86'400, "d", 3600, "h");
}

std::string bytes_text(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return one_decimal(value, kUnits[unit]);
}

std::string counted(const std::string& count, const std::string& noun) {
  return count + ' ' + noun + (count == "1" ? "" : "s");
}

std::string receipt_column(std::string_view receipt) {
  constexpr std::size_t kColumns = 10;
  return std::string(kColumns - std::min(kColumns, receipt.size()), ' ') + printable(receipt);
}

std::string printable(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return out;
}

}  // namespace flowmyna::ctl
