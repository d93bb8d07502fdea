#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/delivery_state.h"
#include "core/operation.h"
#include "core/seal.h"

namespace flowmyna {

/// How one endpoint does, where that differs from the whole.
struct EndpointStatus {
  DeliveryState state = DeliveryState::kDelivering;  ///< or why it takes nothing now
  std::optional<std::chrono::milliseconds> next_attempt_in;
  std::string last_error;
};

/// An item that keeps failing by itself while others succeed. It goes on being tried, slowly, and
/// is never given up but by a person.
struct StuckItem {
  ItemMembers members;  ///< ascending
  std::uint64_t attempts = 0;
  int status = 0;      ///< HTTP status of the last answer; 0: there was none
  std::string reason;  ///< why the last attempt failed
  std::chrono::milliseconds for_so_long{0};
  std::chrono::milliseconds next_attempt_in{0};
};

/// What people see of delivery.
struct DeliveryStatus {
  DeliveryState state = DeliveryState::kIdle;
  std::optional<std::chrono::milliseconds> next_attempt_in;
  std::optional<BootTime> last_success_at;
  std::string last_error;
  std::string health_body;  ///< the API's own last health answer, empty before the first
  BootTime health_at{0};
  std::array<EndpointStatus, kKinds> endpoints;  ///< by index_of(Kind)
  std::uint64_t stuck_operations = 0;
  std::optional<StuckItem> oldest_stuck;  ///< the one with the lowest receipt
  /// Sent again and not settled yet; to be added to OutboxStats::duplicates_possible.
  std::uint64_t duplicates_unsettled = 0;
};

}  // namespace flowmyna
