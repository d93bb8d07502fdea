#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/seal.h"

namespace flowmyna {

/// The stored forms of the outbox's rows. Each begins with a CRC-32 (as gzip has it, little-endian)
/// over the row's own key and all that follows it, so a row that was damaged, or that ended up
/// under another key, is never taken for what it is not:
///
///     operation: crc32 format=1 time operation…     (core/operation.h)
///     seal:      crc32 format=1 kind key[16] count (members (delta)*)*
///     fold_map:  crc32 format=1 deflate((row members (delta)*)*)
///
/// `time` is the acceptance in Unix seconds, a varint. `count`, `members` and the deltas between
/// one request's receipts are varints; a delta may be negative and is zigzag-coded. The idempotency
/// key is the UUID's 16 bytes. Of a fold map, `row` and the deltas are from the one before; the
/// first delta of each row is from the lowest receipt that the map is about.

struct OperationRow {
  std::int64_t accepted_unix_s = 0;
  std::string_view stored;  ///< core/operation.h; points into the row
};

void append_operation_row(std::string& out, Receipt receipt, const OperationRow& row);

/// Nothing when the row is damaged.
std::optional<OperationRow> read_operation_row(Receipt receipt, std::string_view row);

std::string make_seal_row(const Seal& seal);
std::optional<Seal> read_seal_row(RequestId id, std::string_view row);

/// An operation that was folded on disk, and the one whose row it is in since.
struct FoldedReceipt {
  Receipt receipt = 0;
  Receipt row = 0;  ///< lower
  bool operator==(const FoldedReceipt&) const = default;
};

/// How many receipts one row of the fold map is about: it takes less than half a page of the
/// database even where a hundred objects come in no order.
inline constexpr Receipt kFoldMapReceipts = 1024;

/// Which row of the fold map is about a receipt; from 1, as keys are.
constexpr Receipt fold_map_of(Receipt receipt) {
  return receipt / kFoldMapReceipts + 1;
}
/// The lowest receipt that row `map` is about.
constexpr Receipt fold_map_begin(Receipt map) {
  return (map - 1) * kFoldMapReceipts;
}

/// `folded` are of this map, in any order.
std::string make_fold_map_row(Receipt map, std::vector<FoldedReceipt> folded);
/// In the order of receipts.
std::optional<std::vector<FoldedReceipt>> read_fold_map_row(Receipt map, std::string_view row);

}  // namespace flowmyna
