#pragma once

#include <string>

#include "core/result.h"

namespace flowmyna::bench {

/// The bare ceiling of any durable queue that keeps its rows in SQLite and answers over a socket: a
/// server that parses nothing, and takes the end of a message for the end of a request. All that
/// came in one round is inserted in one transaction, committed with `synchronous=FULL`, and then
/// answered. The rows are as large as the agent's. Serves until SIGTERM.
Result<void> serve_ceiling(const std::string& socket, const std::string& database);

}  // namespace flowmyna::bench
