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
    case Verdict::Action::kSettle:
    case Verdict::Action::kRetry:
    case Verdict::Action::kRelease:
    case Verdict::Action::kThrottled:
    case Verdict::Action::kSplit:
    case Verdict::Action::kTooLarge:
    case Verdict::Action::kSeparate:
      break;
  }
  return DeliveryState::kBackingOff;
}

}  // namespace flowmyna
