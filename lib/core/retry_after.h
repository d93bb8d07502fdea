#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/answer.h"

namespace flowmyna {

/// How long an answer may make us wait: with less, a confused server would be hammered; with more,
/// a hostile or broken one would stop delivery for good.
inline constexpr std::chrono::seconds kAskedWaitMin{1};
inline constexpr std::chrono::seconds kAskedWaitMax{3600};

/// The wait that the headers of `answer` ask for, between the two above: Retry-After in seconds or
/// as a date (RFC 9110, sections 10.2.3 and 5.6.7, with the obsolete forms of dates, which a
/// recipient has to accept), and where that says nothing X-RateLimit-Reset in Unix seconds (the
/// API's page). Nothing when neither names a time.
///
/// Points in time are counted from the answer's own `Date`; from `now_unix_s`, the wall clock,
/// where that is missing or no date. Pure.
std::optional<std::chrono::seconds> asked_wait(const Answer& answer, std::int64_t now_unix_s);

}  // namespace flowmyna
