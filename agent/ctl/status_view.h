#pragma once

#include <string>

#include "flowmyna/client.h"

namespace flowmyna::ctl {

/// The status for people: one aligned line a fact, each ending in a line feed.
std::string status_view(const client::Status& status);

/// Whether an endpoint is worse off than delivery as a whole, which is in the state `whole`: it
/// stands still for a reason of its own.
bool is_worse(const client::Status::Delivery::Endpoint& endpoint, const std::string& whole);

/// How fast things move between two views that are `seconds` (> 0) apart, as one line.
std::string rate_view(const client::Status& before, const client::Status& now, double seconds);

}  // namespace flowmyna::ctl
