#pragma once

#include <cstdint>
#include <vector>

#include "outbox/salvage/table_scan.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// Receipts of which nobody can say any more what became of them, since what told it is damaged:
/// what a salvage (salvage.h) writes into the table `lost` (schema.h).
class LostReceipts {
 public:
  void add(const Unread::Gap& receipts) { ranges_.push_back(receipts); }
  /// What is missing of a table that has receipts for its keys, of which `highest` is the last one
  /// that could be read.
  void add(const Unread& unread, std::int64_t highest);
  /// Up to this receipt; no higher one is known to have been given. What is in `target` is known,
  /// whatever becomes of it.
  Result<void> write(const sqlite::Connection& target, std::int64_t through) const;

 private:
  std::vector<Unread::Gap> ranges_;
};

}  // namespace flowmyna
