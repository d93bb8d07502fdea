#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "stand_in/body.h"

namespace flowmyna::stand_in {

/// Checks a body against the schema of its endpoint. Empty: it fits. Otherwise the list of what is
/// wrong, as the API writes it behind "detail":
/// `[{"loc":["body","objects",0,"type"],"msg":"Field required","type":"missing"}]`.
/// Lengths are counted in characters; an optional field may be null; a batch has at most
/// `items_max` items.
std::string validate(Shape shape, const Body& body, std::size_t items_max);

/// `[{"loc":["body"],"msg":…,"type":…}]`
std::string problem_with_body(std::string_view message, std::string_view type);

/// The same for item `index` of a batch: `"loc":["body","objects",7]`.
std::string problem_with_item(Shape shape, std::size_t index, std::string_view message,
                              std::string_view type);

/// ISO 8601: a date, or a date and a time with optional seconds, fraction and zone.
bool is_iso8601(std::string_view text);

}  // namespace flowmyna::stand_in
