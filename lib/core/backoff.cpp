#include "core/backoff.h"

#include <algorithm>

namespace flowmyna {

std::chrono::milliseconds Backoff::next() {
  // Beyond 2^40 steps every `initial` has met its `max`; the shift stays defined.
  const auto doublings = std::min<std::uint32_t>(failures_, 40);
  if (failures_ < UINT32_MAX) ++failures_;
  auto ceiling = max_;
  if (initial_.count() <= (max_.count() >> doublings)) ceiling = initial_ * (1LL << doublings);
  ceiling = std::max(ceiling, initial_);
  std::uniform_int_distribution<std::int64_t> spread(initial_.count(), ceiling.count());
  return std::chrono::milliseconds(spread(random_));
}

}  // namespace flowmyna
