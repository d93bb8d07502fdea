#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace flowmyna {

/// Where a text stops being JSON, in words for whoever wrote it.
struct JsonError {
  std::size_t offset_bytes = 0;  ///< from the start of the text, counted from 0
  std::string reason;
};

/// The first place where `text` is not one JSON document in UTF-8 (RFC 8259), or nothing when it is
/// one, however deep it nests and however large its numbers are.
///
/// The parser that reads bodies says that a body is broken, but hardly where; this looks again,
/// byte by byte and without recursion, and is only called once a body is refused.
std::optional<JsonError> find_json_error(std::string_view text);

/// The same, but half of a surrogate pair, which is JSON by its grammar (RFC 8259, section 8.2) and
/// has no form in UTF-8, is no error.
std::optional<JsonError> find_grammar_error(std::string_view text);

}  // namespace flowmyna
