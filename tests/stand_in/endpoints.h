#pragma once

#include <optional>
#include <string_view>

#include "stand_in/body.h"

namespace flowmyna::stand_in {

struct Endpoint {
  std::string_view path;  ///< below the API's base
  std::string_view method;
  std::optional<Shape> shape;  ///< absent: health
};

/// "/object/batch" for a path below the API's; any other path as it is.
std::string_view endpoint_path(std::string_view path);

/// Null: the API has no such path.
const Endpoint* find_endpoint(std::string_view path);

}  // namespace flowmyna::stand_in
