#pragma once

#include <string>

#include "flowmyna/client.h"

namespace flowmyna::ctl {

/// The answer of GET /agent/v1/pending for people: one line an operation, oldest first.
client::Result<std::string> pending_view(const client::Response& response);

/// The same of what is stuck: two lines an operation, the second one saying why.
client::Result<std::string> stuck_view(const client::Response& response);

/// The answer of DELETE /agent/v1/pending/N: what it was, with its values as they were written.
client::Result<std::string> dropped_view(const client::Response& response);

}  // namespace flowmyna::ctl
