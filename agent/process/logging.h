#pragma once

#include <string>

#include "agent/config/config.h"

namespace flowmyna {

/// Sends the process's log to standard error, as the configuration says. Logging never waits for
/// whoever reads that (see LogSink). Where it is the journal, text lines carry the priority prefix
/// of sd-daemon(3) instead of a time, which the journal adds itself.
///
/// Starts a thread at the first call, so signals are to be blocked before. Called again, while
/// others are logging, it changes format and level.
void set_up_logging(const LogConfig& config);

/// At the end of the process: waits for a moment until the log is written, and after it
/// `last_line`, without any prefix, unless that is empty.
void finish_logging(const std::string& last_line = {});

}  // namespace flowmyna
