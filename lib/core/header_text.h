#pragma once

#include <string_view>

namespace flowmyna {

/// A part of an HTTP header's value without the blanks around it (RFC 9110, section 5.6.3).
inline std::string_view trim_blanks(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace flowmyna
