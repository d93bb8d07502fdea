#pragma once

#include <simdjson.h>

#include <string_view>

namespace flowmyna {

/// Validates `value` and all that it holds, and gives the text as it was written, from its first
/// to its last character. `depth` is how many more levels may be opened (DEPTH_ERROR beyond).
/// Consumes the value. The text points into the document.
simdjson::error_code walk_json(simdjson::ondemand::value value, int depth, std::string_view& text);

}  // namespace flowmyna
