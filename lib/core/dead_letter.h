#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/window.h"

namespace flowmyna {

/// One item that the API refused for good, or whose outcome a person has to find out (status 0):
/// what was decided, and every operation that the item carried, out of delivery's way.
struct DeadLetter {
  Receipt id = 0;      ///< the receipt of its first operation
  int status = 0;      ///< HTTP status of the refusal
  std::string reason;  ///< the API's own words
  std::uint32_t attempts = 0;
  std::int64_t at_unix_s = 0;
  Window operations;             ///< as written, ascending; an event's is one
  std::uint64_t folded = 0;      ///< beside these, folded into them while nothing could leave
  std::vector<Receipt> damaged;  ///< further ones, whose rows fail their checksum
};

/// Which dead letters, by their ids, and how many of them at once: at least one, whatever its size.
struct LetterLimits {
  Receipt after = 0;  ///< letters up to this one are left alone
  Receipt through = std::numeric_limits<std::int64_t>::max();  ///< and so are those beyond this one
  std::size_t letters_max = 500;
  std::size_t bytes_max = 4U << 20;  ///< of their operations
};

/// Some dead letters, oldest operation first.
struct DeadLetters {
  std::vector<DeadLetter> letters;
  bool more = false;  ///< further ones are within `through`
};

/// What a retry returned to the backlog.
struct RetriedLetters {
  std::uint64_t letters = 0;
  std::uint64_t operations = 0;
  Receipt last = 0;              ///< the last letter that was looked at; 0: there was none
  std::vector<Receipt> damaged;  ///< letters that stay, since they cannot be delivered whole
  bool more = false;             ///< letters beyond `last` are within `through`
};

}  // namespace flowmyna
