#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace flowmyna {

/// What delivery, or one endpoint, is doing, as people are told.
enum class DeliveryState : std::uint8_t {
  kIdle,
  kDelivering,
  kBackingOff,
  kNoKey,         ///< there is no usable key: accepting, not delivering
  kUnauthorized,  ///< the API refuses the key
  kRefused,       ///< the API refuses everything: all of it is kept, and probed
  kPaused,
  kMisconfigured,
};

inline constexpr DeliveryState kDeliveryStates[] = {
    DeliveryState::kIdle,   DeliveryState::kDelivering,   DeliveryState::kBackingOff,
    DeliveryState::kNoKey,  DeliveryState::kUnauthorized, DeliveryState::kRefused,
    DeliveryState::kPaused, DeliveryState::kMisconfigured};

/// As the status and the metrics call it.
constexpr const char* name_of(DeliveryState state) {
  switch (state) {
    case DeliveryState::kIdle:
      return "idle";
    case DeliveryState::kDelivering:
      return "delivering";
    case DeliveryState::kBackingOff:
      return "backing_off";
    case DeliveryState::kNoKey:
      return "no_key";
    case DeliveryState::kUnauthorized:
      return "unauthorized";
    case DeliveryState::kRefused:
      return "refused";
    case DeliveryState::kPaused:
      return "paused";
    case DeliveryState::kMisconfigured:
      return "misconfigured";
  }
  return "unknown";
}

/// The state of that name; nothing when there is none, as where the agent is newer than who reads.
constexpr std::optional<DeliveryState> delivery_state(std::string_view name) {
  for (const DeliveryState state : kDeliveryStates) {
    if (name == name_of(state)) return state;
  }
  return std::nullopt;
}

}  // namespace flowmyna
