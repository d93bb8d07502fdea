#pragma once

#include <string>

#include "core/clock.h"

namespace flowmyna {

/// The kernel's clocks: CLOCK_BOOTTIME and CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  BootTime boot_now() const override;
  std::int64_t unix_now_ms() const override;
};

/// A point in time as the agent writes it: ISO 8601, UTC, milliseconds (2026-01-31T12:00:00.000Z).
std::string iso8601_utc(std::int64_t unix_ms);

}  // namespace flowmyna
