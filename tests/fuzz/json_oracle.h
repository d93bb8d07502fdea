#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace flowmyna::test {

/// What nlohmann/json, an independent reader, says of a text. It differs from ours in three ways
/// that are taken out here: it refuses numbers beyond a double, takes a NUL for the end, and skips
/// a byte order mark.
bool is_json(std::string_view text);

/// The document, or nothing when it is not JSON or has numbers beyond a double.
std::optional<nlohmann::json> parse_json(std::string_view text);

/// How many lists and objects stand inside each other at most; for valid JSON.
std::size_t nesting(std::string_view json);

}  // namespace flowmyna::test
