#include "agent/config/value_text.h"

#include <array>
#include <cstdio>

namespace flowmyna {

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(byte));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string toml_mode(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode));
  return toml_string(text.data());
}

std::string without_credentials(const std::string& proxy) {
  const std::size_t at = proxy.rfind('@');
  if (at == proxy.npos) return proxy;
  const std::size_t scheme = proxy.find("://");
  return (scheme < at ? proxy.substr(0, scheme + 3) : "") + "***" + proxy.substr(at);
}

}  // namespace flowmyna
