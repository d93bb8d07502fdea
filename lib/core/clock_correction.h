#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace flowmyna {

/// What the wall clock turned out to be in one boot, for the events that were stamped in it before
/// the clock was synchronised. Each carries its own boot stamp, so neither the steps that the clock
/// made meanwhile nor the agent's restarts matter.
struct ClockCorrection {
  BootId boot = 0;
  std::int64_t unix_minus_boot_ms = 0;  ///< wall clock minus boot clock, in milliseconds
  bool operator==(const ClockCorrection&) const = default;

  std::int64_t unix_ms(const BootStamp& stamp) const {
    // Unsigned, so that no damage that passed for a stamp is undefined.
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(stamp.at.count()) +
                                     static_cast<std::uint64_t>(unix_minus_boot_ms));
  }
};

/// Now that the clock is synchronised; exact to a millisecond.
ClockCorrection measure_correction(const Clock& clock);

/// An event in its stored form, with its right time and without its boot stamp, so that it can
/// never be corrected again. Nothing for anything but a stamped event of this boot.
struct CorrectedEvent {
  std::string stored;
  std::int64_t accepted_unix_s = 0;
};
std::optional<CorrectedEvent> corrected(std::string_view stored, const ClockCorrection& correction);

}  // namespace flowmyna
