#pragma once

#include <string>

#include "core/result.h"
#include "stand_in/socket.h"

namespace flowmyna::bench {

/// A connection to a Unix stream socket.
Result<stand_in::Descriptor> connect_unix(const std::string& path);

/// One HTTP request to a server on a Unix socket, waited for on a connection of its own: for what
/// is asked beside a measurement. The body of the answer, whatever its status.
Result<std::string> ask(const std::string& socket, const std::string& method,
                        const std::string& path);

}  // namespace flowmyna::bench
