#include "core/backoff.h"

#include <algorithm>

namespace flowmyna {

std::chrono::milliseconds backoff_wait(const BackoffOptions& options, std::uint32_t failures,
                                       Random& random) {
  // Beyond 2^40 steps every `initial` has met its `max`; the shift stays defined.
  const auto doublings = std::min<std::uint32_t>(failures == 0 ? 0 : failures - 1, 40);
  const std::int64_t initial = options.initial.count();
  const std::int64_t max = std::max(options.max.count(), initial);
  const std::int64_t ceiling = initial > (max >> doublings) ? max : initial << doublings;
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(initial, ceiling)(random));
}

}  // namespace flowmyna
