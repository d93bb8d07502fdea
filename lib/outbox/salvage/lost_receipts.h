#pragma once

#include <cstdint>
#include <vector>

#include "outbox/salvage/table_scan.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// Receipts whose fate is unknown, since what told it is damaged: what a salvage (salvage.h) writes
/// into the table `lost` (schema.h).
class LostReceipts {
 public:
  void add(const Unread::Gap& receipts) { ranges_.push_back(receipts); }
  /// Adds what is missing of a table that is keyed by receipts; `highest` is the last one that
  /// could be read.
  void add(const Unread& unread, std::int64_t highest);
  /// Writes them up to receipt `through`, the highest that is known to have been given. Those that
  /// are in `target` are known, and left out.
  Result<void> write(const sqlite::Connection& target, std::int64_t through) const;

 private:
  std::vector<Unread::Gap> ranges_;
};

}  // namespace flowmyna
