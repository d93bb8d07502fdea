#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flowmyna {

/// Where a text stops being JSON, in words for whoever wrote it.
struct JsonError {
  std::size_t offset_bytes = 0;  ///< from the start of the text, counted from 0
  std::string reason;
};

inline constexpr std::size_t kAnyDepth = SIZE_MAX;

/// The first place where `text` is not one JSON document in UTF-8 (RFC 8259), or nothing when it is
/// one, however large its numbers are. Of lists and objects at most `depth_max` may stand inside
/// each other.
///
/// The parser that reads bodies says that a body is broken, but hardly where; this looks again,
/// byte by byte and without recursion, and is only called once a body is refused. The client
/// library checks with it before it sends: so both sides have one grammar, and the client needs no
/// parser.
std::optional<JsonError> find_json_error(std::string_view text, std::size_t depth_max = kAnyDepth);

/// The same, but half of a surrogate pair, which is JSON by its grammar (RFC 8259, section 8.2) and
/// has no form in UTF-8, is no error.
std::optional<JsonError> find_grammar_error(std::string_view text,
                                            std::size_t depth_max = kAnyDepth);

}  // namespace flowmyna
