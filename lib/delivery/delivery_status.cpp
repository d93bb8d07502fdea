#include "delivery/delivery_status.h"

namespace flowmyna {

DeliveryState state_after(Verdict::Action failure) {
  switch (failure) {
    case Verdict::Action::kUnauthorized:
      return DeliveryState::kUnauthorized;
    case Verdict::Action::kMisconfigured:
      return DeliveryState::kMisconfigured;
    case Verdict::Action::kNoKey:
      return DeliveryState::kNoKey;
    default:
      return DeliveryState::kBackingOff;
  }
}

}  // namespace flowmyna
