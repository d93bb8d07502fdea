#pragma once

#include <cstdint>
#include <string>

#include "core/operation.h"

namespace flowmyna {

/// Appends, in text form, the UUID that stands for an object until the API's own is known:
/// version 5 (RFC 9562) of type and id, so the same object has the same one on every machine. Any
/// thread.
void append_object_uuid(std::string& out, const ObjectKey& key);

/// Appends, in text form, a UUID for one event: version 7, in order of time. Any thread.
void append_event_uuid(std::string& out, std::int64_t unix_ms);

}  // namespace flowmyna
