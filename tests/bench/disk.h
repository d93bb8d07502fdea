#pragma once

#include <chrono>
#include <string>

#include "bench/latencies.h"
#include "core/result.h"

namespace flowmyna::bench {

/// What the file system has to do for a write of 4 KiB and its fdatasync.
enum class DiskWrite {
  kGrowing,       ///< the file gets longer: new blocks, and a new size in the inode
  kPreallocated,  ///< the blocks are there, and not yet written (posix_fallocate)
  kOverwritten,   ///< they were written before: nothing but data
};

/// Writes in order to a file in `directory`, which is removed afterwards, each followed by an
/// fdatasync.
Result<Latencies> measure_disk(const std::string& directory, DiskWrite how,
                               std::chrono::nanoseconds duration);

}  // namespace flowmyna::bench
