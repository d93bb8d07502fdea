#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

#include "core/seal.h"

namespace flowmyna {

/// Where the events are that were stamped before the clock was synchronised, pending ones and dead
/// letters: all but those in a sealed request are within it.
struct UnsyncedRange {
  Receipt from = 0;     ///< 0: there are none
  Receipt through = 0;  ///< 0: to the end of the backlog

  /// One that was accepted, and perhaps more after it.
  void accepted(Receipt receipt) {
    if (from == 0) from = receipt;
    through = 0;
  }
  /// One that left a request.
  void returned(Receipt receipt) {
    if (from == 0) {
      from = through = receipt;
      return;
    }
    from = std::min(from, receipt);
    if (through != 0) through = std::max(through, receipt);
  }
  /// All up to here were looked at.
  void looked_at(Receipt receipt) {
    from = through != 0 && receipt >= through ? 0 : receipt + 1;
    if (from == 0) through = 0;
  }
  bool operator==(const UnsyncedRange&) const = default;
};

/// Events of a request that are pending again or dead once it is settled.
inline std::vector<Receipt> returned_events(const Seal& seal, const Settlement& settlement) {
  std::vector<Receipt> returned;
  if (seal.kind != Kind::kEvent) return returned;
  std::vector<Receipt> gone = settlement.delivered;
  gone.insert(gone.end(), settlement.dropped.begin(), settlement.dropped.end());
  std::ranges::sort(gone);
  for (const ItemMembers& item : seal.items) {
    std::ranges::copy_if(item, std::back_inserter(returned), [&](Receipt receipt) {
      return !std::ranges::binary_search(gone, receipt);
    });
  }
  return returned;
}

}  // namespace flowmyna
