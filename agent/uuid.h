#pragma once

#include <cstdint>
#include <string>

#include "core/operation.h"

namespace flowmyna {

/// The UUID that stands for an object until the API's own is known: version 5 (RFC 9562) of type
/// and id, so the same object has the same one on every machine.
std::string object_uuid(const ObjectKey& key);

/// A UUID for one event: version 7, in order of time.
std::string event_uuid(std::int64_t unix_ms);

}  // namespace flowmyna
