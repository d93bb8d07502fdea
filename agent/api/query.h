#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/result.h"

namespace flowmyna {

/// The parameters of a query string, percent-decoded; `+` stands for a blank (the form encoding of
/// the WHATWG URL standard). Of a name that comes twice the last one counts. kInvalid for a broken
/// percent escape, and for what is not UTF-8: names of objects always are, and so must be an answer
/// that quotes a parameter.
Result<std::map<std::string, std::string>> parse_query(std::string_view query);

}  // namespace flowmyna
