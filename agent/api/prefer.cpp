#include "agent/api/prefer.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

#include "core/header_text.h"

namespace flowmyna {
namespace {

/// Cuts `text` at the first `separator` outside quotes; gives what stood before it.
std::string_view take_until(std::string_view& text, char separator) {
  bool is_quoted = false;
  std::size_t i = 0;
  for (; i < text.size() && (is_quoted || text[i] != separator); ++i) {
    if (text[i] == '"') is_quoted = !is_quoted;
    if (is_quoted && text[i] == '\\') ++i;
  }
  const std::string_view taken = text.substr(0, i);
  text.remove_prefix(std::min(i + 1, text.size()));
  return taken;
}

std::string_view unquote(std::string_view word) {
  const bool is_quoted = word.size() >= 2 && word.front() == '"' && word.back() == '"';
  return is_quoted ? word.substr(1, word.size() - 2) : word;
}

bool is_wait(std::string_view name) {
  constexpr std::string_view kWait = "wait";
  return name.size() == kWait.size() && strncasecmp(name.data(), kWait.data(), kWait.size()) == 0;
}

std::optional<std::chrono::seconds> to_wait(std::string_view digits) {
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (end != digits.data() + digits.size() || error == std::errc::invalid_argument) {
    return std::nullopt;
  }
  const auto max = static_cast<std::uint64_t>(kPreferredWaitMax.count());
  if (error == std::errc::result_out_of_range) seconds = max;
  if (seconds == 0) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, max));
}

}  // namespace

std::optional<std::chrono::seconds> preferred_wait(std::string_view prefer) {
  while (!prefer.empty()) {
    std::string_view preference = take_until(prefer, ',');
    std::string_view value = take_until(preference, ';');  // what follows are its parameters
    const std::string_view name = trim_blanks(take_until(value, '='));
    if (is_wait(name)) return to_wait(unquote(trim_blanks(value)));
  }
  return std::nullopt;
}

}  // namespace flowmyna
