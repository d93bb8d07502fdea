#include "stand_in/endpoints.h"

#include <algorithm>
#include <array>

#include "stand_in/options.h"

namespace flowmyna::stand_in {
namespace {

constexpr std::array<Endpoint, 5> kEndpoints = {{
    {"/object/upsert", "POST", Shape::kObject},
    {"/object/batch", "POST", Shape::kObjectBatch},
    {"/event", "POST", Shape::kEvent},
    {"/event/batch", "POST", Shape::kEventBatch},
    {"/health", "GET", std::nullopt},
}};

}  // namespace

std::string_view endpoint_path(std::string_view path) {
  return path.starts_with(kApiPath) ? path.substr(kApiPath.size()) : path;
}

const Endpoint* find_endpoint(std::string_view path) {
  if (!path.starts_with(kApiPath)) return nullptr;
  const auto at = std::find_if(kEndpoints.begin(), kEndpoints.end(), [&](const Endpoint& known) {
    return known.path == endpoint_path(path);
  });
  return at == kEndpoints.end() ? nullptr : &*at;
}

}  // namespace flowmyna::stand_in
