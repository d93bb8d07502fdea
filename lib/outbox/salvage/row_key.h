#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "outbox/salvage/table_scan.h"

namespace flowmyna {

/// Finds the key under which a row was written that fails its checksum (row.h), for the case that
/// only the key is damaged. The checksum is a CRC-32 of key and content, which can be computed
/// backwards: content and checksum give the checksum of the key.

/// The checksum that the key of this row must have for that of the row to be right. Nothing when
/// the row is too short to have one.
std::optional<std::uint32_t> key_checksum_of(std::string_view row);

/// A key with this checksum among `keys`; `near` is what the damaged row says. Of keys that are
/// further apart than 2^32 only those are looked at that lie near one of these numbers.
std::optional<std::int64_t> key_with_checksum(std::uint32_t checksum, std::int64_t near,
                                              const KeyRange& keys);

}  // namespace flowmyna
