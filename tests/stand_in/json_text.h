#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace flowmyna::stand_in {

// The stand-in's own reading and writing of JSON scalars (RFC 8259). It shares nothing with the
// agent's codec on purpose: a mistake made in both would cancel itself out in every test.

/// A string token: the text between its quotes, as written.
struct JsonString {
  std::string_view content;
  bool escaped = false;  ///< contains at least one backslash
};

/// Reads the string whose opening quote stands just before `at`, up to `limit`.
/// nullopt: a bare control character, an unknown escape, or no closing quote.
std::optional<JsonString> scan_string(const char* at, const char* limit);

/// Whether `token` is exactly one JSON number; of any size, since it is never converted.
bool is_number(std::string_view token);

struct Unescaped {
  std::string text;             ///< UTF-8; a lone surrogate becomes its three-byte form
  bool lone_surrogate = false;  ///< legal JSON, but no Unicode text
};

/// `content` as accepted by scan_string().
Unescaped unescape(std::string_view content);

/// Appends `text` as a quoted JSON string. What unescape() made of a lone surrogate is escaped.
void append_quoted(std::string& out, std::string_view text);

/// Length in characters (Unicode code points), as the API counts.
std::size_t count_characters(std::string_view utf8);

}  // namespace flowmyna::stand_in
