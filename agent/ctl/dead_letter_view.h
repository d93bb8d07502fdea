#pragma once

#include <string>

#include "flowmyna/client.h"

namespace flowmyna::ctl {

/// The answer of GET /agent/v1/dead-letters for people: two lines a letter, what and why.
client::Result<std::string> dead_letters_view(const client::Response& response);

/// One dead letter with all that it holds, values as they were written.
client::Result<std::string> dead_letter_view(const client::Response& response);

/// What a retry returned to the backlog, as one line; and one about what it could not.
client::Result<std::string> retried_view(const client::Response& response);

}  // namespace flowmyna::ctl
