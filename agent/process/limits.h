#pragma once

#include <sys/resource.h>

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "core/result.h"

namespace flowmyna {

/// What the kernel lets this process have (getrlimit(2)).
struct ProcessLimits {
  rlimit open_files{};  ///< RLIMIT_NOFILE
  rlimit file_bytes{};  ///< RLIMIT_FSIZE
};

/// Brings limits and configuration together, as far as the hard limits go: raises the soft ones in
/// `limits` to what the configuration needs; where that is not enough, lowers the number of
/// connections, and adds a warning that says what to do. Fails where the agent cannot work at all.
/// Pure.
Result<void> fit(ProcessLimits& limits, Config& config);

/// The same for this process, whose soft limits are set. Once, before anything else is opened. From
/// then on writing beyond the limit on a file's size is an error instead of a deadly signal.
Result<void> fit_process_limits(Config& config);

}  // namespace flowmyna
