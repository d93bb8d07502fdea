#include "agent/api/router.h"

#include <algorithm>
#include <string>
#include <utility>

#include "agent/api/responses.h"

namespace flowmyna {
namespace {

std::span<const Route> (*const kAllRoutes[])() = {
    &write_routes,  &report_routes, &pending_routes, &dead_letter_routes,
    &export_routes, &import_routes, &backup_routes,  &control_routes,
};

/// Whether the path fits, segment by segment; a slash at its end does not count.
bool fits(std::string_view pattern, std::string_view path) {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  while (true) {
    const auto pattern_end = std::min(pattern.find('/'), pattern.size());
    const auto path_end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, path_end);
    const bool is_any = pattern.substr(0, pattern_end) == "*" && !segment.empty();
    if (!is_any && pattern.substr(0, pattern_end) != segment) return false;
    if (pattern_end == pattern.size() || path_end == path.size()) {
      return pattern_end == pattern.size() && path_end == path.size();
    }
    pattern.remove_prefix(pattern_end + 1);
    path.remove_prefix(path_end + 1);
  }
}

}  // namespace

void Router::handle(const HttpRequest& request, Responder responder) {
  std::string allow;
  for (const auto routes : kAllRoutes) {
    for (const Route& route : routes()) {
      if (!fits(route.path, request.path)) continue;
      if (request.method == route.method) {
        route.handle(backend_, request, std::move(responder));
        return;
      }
      allow += (allow.empty() ? "" : ", ") + std::string(route.method);
    }
  }
  HttpResponse response =
      allow.empty() ? problem(404, "Not Found") : problem(405, "Method Not Allowed");
  response.allow = allow;
  responder.send(std::move(response));
}

}  // namespace flowmyna
