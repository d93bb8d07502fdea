#pragma once

#include <simdjson.h>

#include <string_view>
#include <utility>

namespace flowmyna {

/// Bodies are read with simdjson's on-demand parser, which does not validate what it skips; so
/// every value is walked. Its DOM parser was rejected because it refuses numbers beyond 64 bits and
/// beyond a double, which must arrive as written.

/// Validates `value` and all that it holds, and gives the text as it was written, from its first
/// to its last character. `depth` is how many more levels may be opened (DEPTH_ERROR beyond).
/// Consumes the value. The text points into the document.
simdjson::error_code walk_json(simdjson::ondemand::value value, int depth, std::string_view& text);

/// Calls `visit(name, value)` for every member in the order in which they were written, names
/// unescaped, until one call fails. The visitor must consume the value.
template <class Visit>
simdjson::error_code each_member(simdjson::ondemand::object object, const Visit& visit) {
  for (auto member : object) {
    simdjson::ondemand::field field;
    std::string_view name;
    if (const auto error = std::move(member).get(field)) return error;
    if (const auto error = field.unescaped_key().get(name)) return error;
    if (const auto error = visit(name, field.value())) return error;
  }
  return simdjson::SUCCESS;
}

/// The same for the elements of a list: `visit(value)`.
template <class Visit>
simdjson::error_code each_element(simdjson::ondemand::array array, const Visit& visit) {
  for (auto element : array) {
    simdjson::ondemand::value value;
    if (const auto error = std::move(element).get(value)) return error;
    if (const auto error = visit(value)) return error;
  }
  return simdjson::SUCCESS;
}

}  // namespace flowmyna
