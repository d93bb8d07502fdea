#pragma once

#include "flowmyna/client.h"

namespace flowmyna::client {

/// Readers of the agent's 200 answers. kUnexpectedAnswer when a field that must be there is not;
/// unknown fields are ignored.
Result<Accepted> read_accepted(const Response& response);
Result<AcceptedBatch> read_accepted_batch(const Response& response);
Result<Fate> read_fate(const Response& response);
Result<Status> read_status(const Response& response);

}  // namespace flowmyna::client
