#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/outbox.h"
#include "outbox/salvage/salvage.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// The operations of a damaged file that have not been moved to the new one yet, because the file
/// is large or the disk has no room for both: all those after some receipt. They follow in
/// portions, in the order of receipts, between other work; without room, as those before them are
/// delivered and leave their pages free. Meanwhile nothing is accepted, so that nothing newer is
/// delivered before them, and nothing is sealed that is not in the new file. Dead letters, seals
/// and counters are moved first.
///
/// It stands in the new file, in a table that only such a file has:
///
///     remains(file, after)     where the damaged file is kept, and how far its operations are here
///
/// All writes belong into the caller's transaction, so a crash moves nothing twice.
struct Remains {
  std::string file;
  std::int64_t after = 0;
};

/// Nothing when the file has all of its operations.
Result<std::optional<Remains>> remains_of(const sqlite::Connection& file);

Result<void> begin_remains(const sqlite::Connection& target, const Remains& remains);

/// Moves operations from `source`, the damaged file, until they come to about so many bytes or to
/// `through`, the highest receipt that it gave. Gives how far they are moved now.
Result<std::int64_t> move_operations(const sqlite::Connection& source,
                                     const sqlite::Connection& target, std::int64_t after,
                                     std::int64_t through, std::uint64_t bytes_max);

/// The same from where the damaged file is kept. What was salvaged in all, once that was the end of
/// it, and nothing before. kIo when the damaged file is not there any more.
Result<std::optional<Salvaged>> move_more(const sqlite::Connection& target, const Remains& remains,
                                          std::uint64_t bytes_max);

/// Of a receipt that is in neither the new file's operations nor its dead letters: kPending when
/// it is still to be moved, kMaybeLost when that cannot be read, kDelivered otherwise.
Result<ReceiptState> state_in(const Remains& remains, Receipt receipt);

}  // namespace flowmyna
