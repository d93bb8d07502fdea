#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/judge.h"

namespace flowmyna {

/// An object as people write it: type and id, unescaped.
using ObjectName = std::pair<std::string, std::string>;

/// What an item of a request names.
struct RequestedItem {
  std::string event;                ///< its name; empty for an upsert
  std::vector<ObjectName> objects;  ///< of an upsert: one
};

/// The items of a request, in its order; nothing when it cannot be read. The request is ours, so
/// its own decoder reads it back; a second copy of all names beside every body, for what is needed
/// once an answer, would cost more.
std::optional<std::vector<RequestedItem>> requested_items(const JudgedRequest& request);

}  // namespace flowmyna
