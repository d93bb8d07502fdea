#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "outbox/disk/seen_file.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// An outbox file has an epoch, which ends when the file turns out not to be what it was last: an
/// older copy of it was put back, or it was copied to another machine. Then nobody knows what was
/// accepted and delivered since. So
///
///   - receipts go on far beyond all that may have been given, at the next multiple of
///     `kEpochReceipts`; those in between were not given by this file and are in `lost`,
///   - events that wait may have been delivered: up to `doubtful_through` (state_table.h) the
///     foreman counts them when it sends them, or holds them,
///   - on another machine the outbox gets another id, so that its exports are not taken for the
///     first one's.
///
/// A backup says of itself that it is one, by an epoch below zero, so putting it back is always
/// noticed; of other copies the mark beside the outbox tells (seen_file.h), of machines their id.

/// 8,000 epochs of a million receipts a second for twelve days fit into what JSON can hold (2^53).
inline constexpr std::int64_t kEpochReceipts = std::int64_t{1} << 40;

/// What there is to know of an open file.
struct Provenance {
  OutboxMark mark;
  bool is_backup = false;
  std::string machine;  ///< empty: not known
  static Result<Provenance> read(const sqlite::Connection& connection);
};

/// Why the epoch of a file has ended.
enum class Departure : std::uint8_t { kNone, kBackup, kOlder, kElsewhere };

/// `seen` is the mark that lay beside the file, `machine` where this runs; empty: not known.
Departure departure_of(const Provenance& file, const std::optional<OutboxMark>& seen,
                       const std::string& machine);

/// Begins a new epoch, in a transaction of its own.
Result<void> begin_epoch(const sqlite::Connection& connection, const Provenance& file,
                         const std::optional<OutboxMark>& seen, const std::string& machine);

/// Notes the machine of a file that has none.
Result<void> settle_down(const sqlite::Connection& connection, const std::string& machine);

/// Makes a backup of a copy.
Result<void> mark_as_backup(const sqlite::Connection& copy);

/// What happened and what it means, in an operator's words.
std::string describe(Departure departure, const std::string& path);

}  // namespace flowmyna
