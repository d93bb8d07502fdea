#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flowmyna {

/// How many bytes the UTF-8 character at the front of `text` takes, which is not empty; 0 when
/// there is none (RFC 3629: neither overlong, nor a surrogate, nor beyond U+10FFFF).
std::size_t utf8_length(std::string_view text);

/// Whether `text` is UTF-8 from its first to its last byte.
bool is_utf8(std::string_view text);

/// The length of valid UTF-8 in characters (code points): what the API's limits count.
std::size_t count_characters(std::string_view utf8);

/// Whether `text` must be changed to stand inside a JSON string.
bool needs_escape(std::string_view text);

/// Appends `text` (valid UTF-8) as the inside of a JSON string in canonical escaping: only `"`,
/// `\` and control characters are escaped, each in its shortest form (RFC 8259, section 7). So
/// equal strings have equal bytes, however they were written.
void append_escaped(std::string& out, std::string_view text);

/// `text` (valid UTF-8) as a JSON string, quotes included.
std::string json_string(std::string_view text);

/// The characters of the inside of a canonical JSON string.
std::string unescape(std::string_view canonical);

/// Whether `text` is a JSON number (RFC 8259, section 6), whatever its magnitude.
bool is_json_number(std::string_view text);

/// Whether `text` is a point in time as ISO 8601 writes it and the API takes it: a calendar date,
/// optionally a time to the minute or finer, optionally `Z` or an offset.
bool is_iso8601(std::string_view text);

}  // namespace flowmyna
