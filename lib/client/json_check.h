#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace flowmyna::client {

/// How deep a value may nest: the agent's own limit (kMaxDepth of its decoder).
inline constexpr int kMaxJsonDepth = 100;

/// Whether `text` is UTF-8 as RFC 3629 defines it: no overlong form, no surrogate.
bool is_utf8(std::string_view text);

/// Whether `text` is one JSON value (RFC 8259) in UTF-8, with nothing around it but white space.
/// Numbers may have any size: a JSON library that makes doubles of them would refuse `1e400`,
/// which the API takes as written. That is why this grammar is spelled out here.
bool is_json(std::string_view text);

/// A part of a JSON object or array as it is written, digits and escapes kept; points into the
/// text.
struct JsonPart {
  std::string_view name;  ///< inside of the string; empty for an element of an array
  std::string_view value;
};

/// The members of an object, or the elements of an array; nothing when `text` is neither. Made for
/// the agent's answers, which hold values that an application wrote: those may nest as deep as the
/// agent allows, and the answer around them deeper.
std::optional<std::vector<JsonPart>> json_parts(std::string_view text);

/// The top-level member names of a JSON object as they are written (the insides of the strings,
/// escapes kept), pointing into `text`; nothing when `text` is not a JSON object.
std::optional<std::vector<std::string_view>> member_names(std::string_view text);

}  // namespace flowmyna::client
