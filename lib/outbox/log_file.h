#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace flowmyna {

/// Writes a file's bytes anew where they stand, and syncs them; a file that is not there is fine.
///
/// For the write-ahead log, before it is read back. When a sync fails, the kernel takes the pages
/// for clean although they never reached the disk: a later sync succeeds without them, and what is
/// appended behind them would be lost with them in a power cut. Whoever reads such a log, in this
/// process or in the next, cannot tell. Writing the pages makes them dirty again, so that this sync
/// means what it says. (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC
/// 2020; sqlite.org/atomiccommit.html takes a sync at its word.)
///
/// The database needs no such care: until it is synced the log is kept, and after a failure every
/// page is written from there once more.
Result<void> rewrite_file(const std::string& path);

/// Which file a path leads to. What is written to an open file that was moved away or deleted is
/// found by nobody afterwards; comparing places tells.
struct FilePlace {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;  ///< 0: the path leads nowhere
  static FilePlace of(const std::string& path);
  bool is_nowhere() const { return inode == 0; }
  bool operator==(const FilePlace&) const = default;
};

}  // namespace flowmyna
