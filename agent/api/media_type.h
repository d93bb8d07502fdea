#pragma once

#include <strings.h>

#include <string_view>

#include "core/header_text.h"

namespace flowmyna {

/// Whether a Content-Type names this media type, which is a literal; its parameters and the case of
/// its letters do not count (RFC 9110, section 8.3.1).
inline bool names_media_type(std::string_view content_type, std::string_view media_type) {
  const std::string_view named = trim_blanks(content_type.substr(0, content_type.find(';')));
  return named.size() == media_type.size() &&
         strncasecmp(named.data(), media_type.data(), named.size()) == 0;
}

}  // namespace flowmyna
