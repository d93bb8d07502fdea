#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace flowmyna {

/// The longest wait that a writer may ask for: an answer that takes longer is of no use to anybody,
/// and every wait keeps a connection.
inline constexpr std::chrono::seconds kPreferredWaitMax{3600};

/// `wait=S` among the preferences of a header `Prefer` (RFC 7240, section 4.3), at most
/// kPreferredWaitMax. Nothing when there is none, when it is 0, and when it is not a number of
/// seconds: a preference that is not understood is ignored (section 2). The first of several
/// counts.
std::optional<std::chrono::seconds> preferred_wait(std::string_view prefer);

}  // namespace flowmyna
