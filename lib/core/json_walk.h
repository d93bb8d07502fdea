#pragma once

#include <simdjson.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace flowmyna {

/// Bodies are read with simdjson's on-demand parser, which does not validate what it skips; so
/// every value is walked. Its DOM parser was rejected because it refuses numbers beyond 64 bits and
/// beyond a double, which must arrive as written.
///
/// Values are passed on by reference: a copy of one costs more than most of what is done with it.

/// A string of a document.
struct JsonText {
  std::string_view characters;
  /// It was written without an escape: its characters are a slice of the document, and need none
  /// to stand inside a JSON string.
  bool is_plain = false;
};

/// Where the leading characters of a string that need no unescaping end: at its closing quote, or
/// at its first backslash. The parser's first pass has made sure of a closing quote, of UTF-8, and
/// that no control character stands between. Reads up to seven bytes beyond it.
inline const char* plain_end(const char* begin) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  // The high bit of each byte that is zero; perhaps of later ones too, but of none before the
  // first.
  const auto zeros = [](std::uint64_t bytes) { return (bytes - kOnes) & ~bytes & (kOnes << 7); };
  for (;; begin += sizeof(std::uint64_t)) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, begin, sizeof bytes);
    if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
    const std::uint64_t found = zeros(bytes ^ (kOnes * '"')) | zeros(bytes ^ (kOnes * '\\'));
    if (found != 0) return begin + static_cast<unsigned>(std::countr_zero(found)) / 8;
  }
}

/// Reads a value that is a string. Consumes it. Characters with escapes are the parser's, until its
/// next document.
inline simdjson::error_code read_text(simdjson::ondemand::value& value, JsonText& out) {
  const char* const begin = value.raw_json_token().data() + 1;
  const char* const end = plain_end(begin);
  out.is_plain = *end == '"';
  if (!out.is_plain) return value.get_string().get(out.characters);
  out.characters = {begin, static_cast<std::size_t>(end - begin)};
  return value.get_raw_json_string().error();
}

/// The same for the name of a member.
inline simdjson::error_code read_name(simdjson::ondemand::field& member, JsonText& out) {
  const char* const begin = member.key().raw();
  const char* const end = plain_end(begin);
  out.is_plain = *end == '"';
  if (!out.is_plain) return member.unescaped_key().get(out.characters);
  out.characters = {begin, static_cast<std::size_t>(end - begin)};
  return simdjson::SUCCESS;
}

/// Validates `value` and all that it holds, and gives the text as it was written, from its first
/// to its last character. `depth` is how many more levels may be opened (DEPTH_ERROR beyond).
/// Consumes the value. The text points into the document.
simdjson::error_code walk_json(simdjson::ondemand::value& value, int depth, std::string_view& text);

/// Calls `visit(name, value)` for every member in the order in which they were written, the name a
/// JsonText, until one call fails. The visitor must consume the value.
template <class Visit>
simdjson::error_code each_member(simdjson::ondemand::object object, const Visit& visit) {
  for (auto member : object) {
    if (const auto error = member.error()) return error;
    simdjson::ondemand::field&& field = std::move(member).value_unsafe();
    JsonText name;
    if (const auto error = read_name(field, name)) return error;
    if (const auto error = visit(name, field.value())) return error;
  }
  return simdjson::SUCCESS;
}

/// The same for the elements of a list: `visit(value)`.
template <class Visit>
simdjson::error_code each_element(simdjson::ondemand::array array, const Visit& visit) {
  for (auto element : array) {
    if (const auto error = element.error()) return error;
    simdjson::ondemand::value&& value = std::move(element).value_unsafe();
    if (const auto error = visit(value)) return error;
  }
  return simdjson::SUCCESS;
}

}  // namespace flowmyna
