#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace flowmyna {

/// `bytes` compressed (RFC 1951).
std::string deflate(std::string_view bytes);

/// The reverse; nothing unless these are whole and stand for `bytes_max` at most.
std::optional<std::string> inflate(std::string_view deflated, std::size_t bytes_max);

}  // namespace flowmyna
