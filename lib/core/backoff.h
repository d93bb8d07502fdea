#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace flowmyna {

using Random = std::mt19937_64;

struct BackoffOptions {
  std::chrono::milliseconds initial{1000};
  std::chrono::milliseconds max{300'000};
};

/// Exponential back-off with full jitter, never below its first step: the wait after the
/// `failures`th failure in a row (from 1 upwards) is uniform between `initial` and
/// min(`max`, `initial` * 2^(failures - 1)). (Jitter down to zero was rejected: a flapping network
/// would be met with a burst.) Source: "Exponential Backoff And Jitter", AWS Architecture Blog.
std::chrono::milliseconds backoff_wait(const BackoffOptions& options, std::uint32_t failures,
                                       Random& random);

}  // namespace flowmyna
