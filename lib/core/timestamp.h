#pragma once

#include <cstdint>
#include <string>

namespace flowmyna {

/// A point in time as the agent writes it: ISO 8601, UTC, milliseconds (2026-01-31T12:00:00.000Z).
std::string iso8601_utc(std::int64_t unix_ms);

}  // namespace flowmyna
