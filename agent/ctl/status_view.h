#pragma once

#include <string>

#include "flowmyna/client.h"

namespace flowmyna::ctl {

/// The status for people: one aligned line a fact, each ending in a line feed.
std::string status_view(const client::Status& status);

/// Whether an endpoint stands still for a reason of its own, delivery as a whole being in the state
/// `whole`.
bool is_worse(const client::Status::Delivery::Endpoint& endpoint, const std::string& whole);

/// How fast things move between two views that are `seconds` (> 0) apart, as one line.
std::string rate_view(const client::Status& before, const client::Status& now, double seconds);

}  // namespace flowmyna::ctl
