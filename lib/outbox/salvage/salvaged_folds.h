#pragma once

#include <cstdint>
#include <vector>

#include "outbox/salvage/table_scan.h"
#include "outbox/sqlite/sqlite.h"

namespace flowmyna {

/// What a salvage (salvage.h) makes of what a damaged file says of folded operations: how many a
/// row stands for, and which. Where the fold map cannot be read nobody knows what became of an
/// operation that has no row; it may have been delivered, or be in a row that was not.
class SalvagedFolds {
 public:
  /// `receipts_max` is how many receipts there may be.
  Result<void> copy(const sqlite::Connection& damaged, const sqlite::Connection& target,
                    std::int64_t receipts_max);
  /// To be called after the operations were copied; `has_all`: all that can be read are there.
  Result<void> copy_unmapped(const sqlite::Connection& damaged, const sqlite::Connection& target,
                             bool has_all);
  /// How many each row stands for could be read.
  bool are_counted() const { return counts_unread_.is_nothing(); }
  /// The highest receipt of what was folded, as far as it could be read.
  std::int64_t highest() const { return highest_; }
  /// Which receipts nobody knows anything of for that reason.
  Result<std::vector<Unread::Gap>> unmapped(const sqlite::Connection& target) const;

 private:
  Result<void> copy_counts(const sqlite::Connection& damaged, const sqlite::Connection& target,
                           std::int64_t receipts_max);
  Result<void> copy_map(const sqlite::Connection& damaged, const sqlite::Connection& target);
  std::vector<Unread::Gap> unread_maps() const;

  Unread counts_unread_, map_unread_;
  std::int64_t highest_map_ = 0;
  std::int64_t highest_ = 0;
};

}  // namespace flowmyna
