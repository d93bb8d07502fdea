#pragma once

#include "agent/config.h"

namespace flowmyna {

/// Sends the process's log to standard error, as the configuration says. Under systemd, text lines
/// carry the priority prefix of sd-daemon(3) instead of a time, which the journal adds itself.
void set_up_logging(const LogConfig& config);

}  // namespace flowmyna
