#pragma once

#include <cstdint>
#include <string>

#include "core/counters.h"
#include "core/window.h"

namespace flowmyna {

enum class OutboxState : std::uint8_t {
  kOk,    ///< accepts
  kFull,  ///< quota or disk is full: refuses what does not fit until there is room; still delivers
  kFailed,  ///< nothing can be kept safely: refuses everything until the disk works again
};

/// Counters over the outbox's whole life, and how it is now.
struct OutboxStats : Counters {
  std::uint64_t accepted = 0;
  Receipt last_receipt = 0;      ///< the highest; some below it may never have been given
  bool lost_is_exact = true;     ///< of the last time; otherwise as far as could be told
  std::string damaged_file;      ///< where that file is kept for repair, while it is there
  bool is_partial = false;       ///< some of what waits is still to be moved out of that file
  std::uint64_t size_bytes = 0;  ///< database and write-ahead log
  std::uint64_t free_bytes = 0;  ///< of them, inside the database, to be used again
  std::uint64_t quota_bytes = 0;
  /// Events that were stamped before the clock was synchronised may be pending, or dead letters,
  /// from this receipt on; 0: there are none, but for what is in requests.
  Receipt unsynced_from = 0;
  Receipt unsynced_through = 0;  ///< up to this one; 0: to the end of the backlog
  /// How often the outbox's file was found to be older than it had been, or on another machine: a
  /// backup or a copy was put back, or an image was cloned.
  std::uint64_t epoch = 0;
  /// Events up to this receipt may have been delivered before that already; 0: there are none.
  Receipt doubtful_through = 0;
  OutboxState state = OutboxState::kOk;
  std::string last_error;  ///< why the state is not kOk, and what can be done; empty while it is
  std::uint64_t pending() const { return accepted - delivered - dead - dropped - lost; }
};

}  // namespace flowmyna
