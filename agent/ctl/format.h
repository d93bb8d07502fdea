#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flowmyna::ctl {

/// "4.2 s", "3 min 20 s", "5 h 1 min", "2 d 3 h": two units are enough to judge by.
std::string duration_text(double seconds);

/// "512 B", "4.0 KiB", "1.5 GiB".
std::string bytes_text(std::uint64_t bytes);

/// "1 attempt", "2 attempts"; the count as it is written.
std::string counted(const std::string& count, const std::string& noun);

/// A receipt at the right of a column, so that lists line up.
std::string receipt_column(std::string_view receipt);

/// Control characters become '?', so that what others wrote cannot steer the terminal.
std::string printable(std::string_view text);

}  // namespace flowmyna::ctl
