#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/encoded_operations.h"
#include "core/window.h"

namespace flowmyna {

/// A piece of an export of another outbox, on its way into this one. It is taken in whole or not at
/// all, and only once: how far the export has come is written in the same transaction.
struct Arrival {
  /// An item that the API refused over there, for good.
  struct Letter {
    std::size_t first = 0;  ///< of the operations below
    std::size_t count = 0;
    int status = 0;
    std::string reason;
    std::uint32_t attempts = 0;
    std::int64_t at_unix_s = 0;
  };
  std::string export_id;
  std::string source;            ///< id of the outbox that was exported
  Receipt through = 0;           ///< the highest receipt of that when the export began
  std::uint64_t first_line = 0;  ///< from 1; what comes before must have arrived
  std::uint64_t lines = 0;
  EncodedOperations operations;               ///< in the order of acceptance over there
  std::vector<std::int64_t> accepted_unix_s;  ///< of each of them
  std::vector<Letter> letters;                ///< all other operations are pending
  std::uint64_t duplicates_possible = 0;      ///< events among them that may have been sent
};

/// What has arrived of exports.
struct Arrived {
  std::uint64_t lines = 0;  ///< of the export that was asked for
  Receipt other_through =
      0;  ///< `through` of any other export of the same outbox; 0: there is none
};

}  // namespace flowmyna
