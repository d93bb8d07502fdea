#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace flowmyna::client {

/// Whether `text` is one JSON value (RFC 8259) in UTF-8, with nothing around it but white space,
/// that the agent takes as the value of a property: by the agent's own grammar and limit of levels
/// (core/json_error.h), so that nothing is refused later that was taken here. Numbers may have any
/// size: the API takes `1e400` as written.
bool is_json(std::string_view text);

/// A part of a JSON object or array as it is written, digits and escapes kept; points into the
/// text.
struct JsonPart {
  std::string_view name;  ///< inside of the string; empty for an element of an array
  std::string_view value;
};

/// The members of an object, or the elements of an array; nothing when `text` is neither. Made for
/// the agent's answers and for items that the agent will judge: an application's values in them may
/// nest as deep as the agent allows, plus the levels around them. Half of a surrogate pair is
/// accepted.
std::optional<std::vector<JsonPart>> json_parts(std::string_view text);

/// The top-level member names of a JSON object as they are written (the insides of the strings,
/// escapes kept), pointing into `text`; nothing when `text` is not a JSON object.
std::optional<std::vector<std::string_view>> member_names(std::string_view text);

}  // namespace flowmyna::client
