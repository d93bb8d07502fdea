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

/// Turns off copy-on-write for files that are created in the outbox's directory, on file systems
/// that have it (btrfs): there a full disk would keep the log from being overwritten, and so
/// deliveries from being settled. Does nothing where that is not supported. ioctl_iflags(2),
/// FS_NOCOW_FL.
void write_in_place(const std::string& path);

}  // namespace flowmyna
