#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace flowmyna {

/// Writes a file's bytes anew where they stand, and syncs them; a file that is not there is fine.
/// kCorrupt when some of them cannot be read.
///
/// For the write-ahead log, before it is read back. When a sync fails, the kernel takes the pages
/// for clean although they never reached the disk: a later sync succeeds without them, and what is
/// appended after them would be lost with them in a power cut. Whoever reads such a log, in this
/// process or in the next, cannot tell. Writing the pages makes them dirty again, so that this sync
/// means what it says. (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC
/// 2020; sqlite.org/atomiccommit.html takes a sync at its word.)
///
/// The database needs no such care: until it is synced the log is kept, and after a failure every
/// page is written from there once more.
Result<void> rewrite_file(const std::string& path);

/// Creates an empty log file unless one is there. SQLite removes the log when it closes the
/// database, and takes an empty one for none. With it the next start needs no new inode, of which
/// there may be none left.
void keep_inode(const std::string& path);

/// Sets blocks aside for the log's first `bytes`, also past its end. Returns whether it has them;
/// true as well where the file system cannot set any aside.
bool preallocate_log(const std::string& path, std::uint64_t bytes);

/// Which file a path leads to. What is written to an open file that was moved away or deleted is
/// found by nobody afterwards; comparing places tells. A disk that fails does not: then the path
/// may lead where it always did.
struct FilePlace {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;  ///< 0: the path leads nowhere
  bool is_unknown = false;  ///< the file system does not say
  static FilePlace of(const std::string& path);
  bool is_nowhere() const { return inode == 0 && !is_unknown; }
  /// Whether it is known to be another file than `then`, or none any more.
  bool is_other_than(const FilePlace& then) const { return !is_unknown && *this != then; }
  bool operator==(const FilePlace&) const = default;
};

}  // namespace flowmyna
