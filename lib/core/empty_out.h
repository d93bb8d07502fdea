#pragma once

#include <cstddef>
#include <string>

namespace flowmyna {

/// Empties a buffer that is filled again and again. It keeps its memory for that, unless it is more
/// than `kept_bytes_max`: assigning an empty string would keep all of it.
inline void empty_out(std::string& buffer, std::size_t kept_bytes_max) {
  if (buffer.capacity() > kept_bytes_max) std::string().swap(buffer);
  buffer.clear();
}

}  // namespace flowmyna
