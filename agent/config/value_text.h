#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace flowmyna {

/// Values of the configuration as TOML writes them.

/// A TOML basic string.
std::string toml_string(std::string_view text);

/// Permissions in octal: "0660".
std::string toml_mode(mode_t mode);

/// A list of what `format` makes of each item.
template <class List, class Format>
std::string toml_list(const List& list, Format format) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ", ") + format(item);
  return "[" + out + "]";
}

/// http://user:password@proxy:3128 with a mask for what is before the '@'.
std::string without_credentials(const std::string& proxy);

}  // namespace flowmyna
