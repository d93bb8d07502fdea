#pragma once

#include <cstdint>
#include <string>

namespace flowmyna {

/// What the disk that a file is on has left, in bytes; what is kept for root does not count.
/// 0 when nobody knows.
std::uint64_t disk_room(const std::string& path);

}  // namespace flowmyna
