#pragma once

#include <cstdint>

namespace flowmyna::bench {

/// What operator new was asked for by all threads of this process: our own code and the C++
/// libraries'. C libraries (SQLite, libmicrohttpd) ask malloc, which is not counted.
struct Allocations {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

/// Linking this in replaces operator new in the whole program; with a sanitizer nothing is counted.
Allocations allocations_so_far();

}  // namespace flowmyna::bench
