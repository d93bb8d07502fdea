#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace flowmyna {

/// "250ms", "30s", "5m", "1h": a whole number directly followed by its unit. Anything else,
/// a bare number included, is kInvalid with a message that begins with the quoted text.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "100B", "512KiB", "64MiB", "1GiB": likewise, in powers of 1024. Decimal units (MB) are refused,
/// since half of all readers would take them for the binary ones.
Result<std::uint64_t> parse_size_bytes(std::string_view text);

/// The shortest text that the parsers above read back as the same value.
std::string format_duration(std::chrono::milliseconds duration);
std::string format_size(std::uint64_t size_bytes);

}  // namespace flowmyna
