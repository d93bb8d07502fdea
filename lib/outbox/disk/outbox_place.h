#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace flowmyna {

/// Whether the outbox `path` may be where it is: in a directory of the agent's user, or of root,
/// that nobody else can put files into, and its own files plain ones. Otherwise somebody else could
/// have the agent write somewhere, or hand it a backlog. A lock and a log are opened by name as
/// well. kInvalid, with what to do.
Result<void> check_place(const std::string& path);

/// How large a file may get there, in bytes: by this process's RLIMIT_FSIZE, and on a vfat. What is
/// in the log of an outbox must fit into its database, so that is the most that it may take.
std::uint64_t file_bytes_max(const std::string& path);

/// Has the files that come into being in the outbox's directory written where they stand, on file
/// systems that write every block to a new place (btrfs): there a full disk would keep the log from
/// being written over, and so what is delivered from being settled. Where that is not to be had
/// nothing happens. ioctl_iflags(2), FS_NOCOW_FL.
void write_in_place(const std::string& path);

}  // namespace flowmyna
