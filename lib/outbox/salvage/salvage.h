#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "core/result.h"
#include "outbox/disk/seen_file.h"

namespace flowmyna {

struct SalvageOptions {
  std::int64_t now_unix_s = 0;
  /// Nobody but the file knows which requests were under way: the process that sent them is gone.
  bool is_at_start = true;
  /// What the new file may take. When that is not enough for everything, operations that do not fit
  /// remain in the damaged file (remains.h).
  std::uint64_t room_bytes = std::numeric_limits<std::uint64_t>::max();
  /// A file larger than this is moved in portions, too, where possible: nobody has to wait for all
  /// of it.
  std::uint64_t at_once_bytes = std::numeric_limits<std::uint64_t>::max();
  /// The mark beside the file: how far it had come at least.
  std::optional<OutboxMark> seen = std::nullopt;
};

/// What became of a damaged outbox.
struct Salvaged {
  std::string file;        ///< where it is kept now, its log beside it as `<file>-wal`
  std::uint64_t kept = 0;  ///< operations that could be read: pending ones and dead letters
  std::uint64_t held = 0;  ///< of them, events that are dead letters now, since they may have left
  std::uint64_t lost = 0;
  std::uint64_t next_receipt = 0;  ///< of a new epoch; 0: receipts go on where they were
  bool is_whole = true;            ///< nothing remains in the damaged file that could be read
  bool is_exact = false;           ///< that is how many are lost; otherwise as far as can be told
};

/// What happened and what to do now, in an operator's words.
std::string describe(const Salvaged& salvaged);

/// Sets an outbox file that nobody has open aside, and puts in its place a new one with what can be
/// read of it: operations under their receipts, sealed requests with their keys, dead letters,
/// counters. Memory stays bounded. Crash-safe (set_aside.h); after an interruption it starts over.
///
/// A row that fails its checksum is lost: it is not copied. How many are lost follows from the
/// counters, `accepted − pending − delivered − dead − dropped`; when they cannot be read, from the
/// gaps that unreadable pages leave between the receipts, and the rest counts as delivered.
///
/// The last receipt is unknown when the counters cannot be read; when the newest operations cannot
/// be read (the counters do not tell what was accepted since anything left); or when one of the two
/// is of an older commit, which shows when a receipt that is known to have been given is beyond
/// both, or more is missing than what is damaged held. Then receipts go on in another epoch.
///
/// If sealed requests cannot be read, nobody knows which events may have left, and sending them
/// under another key could record them twice, silently. All that may have been in a request are
/// among the oldest (the foreman reads no further while it waits), and become dead letters whose
/// outcome is unknown. Of upserts a resend does no harm.
///
/// A log that is cut short or flipped ends at its last whole commit, as after a crash; what was
/// committed later is gone, and cannot be counted.
/// kFull when there is not enough room and the rest cannot remain in the damaged file either: for
/// that its counters must be readable and, at the start, its seals.
Result<Salvaged> salvage(const std::string& path, const SalvageOptions& options);

}  // namespace flowmyna
