#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/outbox.h"

namespace flowmyna {

/// The stored forms of the outbox's rows. Each begins with a CRC-32 (as gzip has it, little-endian)
/// over the row's own key and all that follows it, so a row that was damaged, or that ended up
/// under another key, is never taken for what it is not:
///
///     operation: crc32 format=1 time operation…     (core/operation.h)
///     seal:      crc32 format=1 kind key[16] count (members (delta)*)*
///
/// `time` is the acceptance in Unix seconds, a varint. `count`, `members` and the deltas between
/// one request's receipts are varints; a delta may be negative and is zigzag-coded. The idempotency
/// key is the UUID's 16 bytes.

struct OperationRow {
  std::int64_t accepted_unix_s = 0;
  std::string_view stored;  ///< core/operation.h; points into the row
};

void append_operation_row(std::string& out, Receipt receipt, const OperationRow& row);

/// Nothing when the row is damaged.
std::optional<OperationRow> read_operation_row(Receipt receipt, std::string_view row);

std::string make_seal_row(const Seal& seal);
std::optional<Seal> read_seal_row(RequestId id, std::string_view row);

}  // namespace flowmyna
