#pragma once

#include <string>

#include "flowmyna/client.h"

namespace flowmyna::ctl {

/// The answer of GET /agent/v1/pending for people: one line an operation, oldest first.
client::Result<std::string> pending_view(const client::Response& response);

}  // namespace flowmyna::ctl
