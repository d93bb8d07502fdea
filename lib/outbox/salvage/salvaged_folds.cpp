#include "outbox/salvage/salvaged_folds.h"

#include <algorithm>

#include "outbox/salvage/salvaged_counters.h"
#include "outbox/tables/row.h"

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Row;
using sqlite::Statement;

/// As the migration to version 7 does it (schema.cpp).
constexpr const char* kFindUnmapped = R"sql(
  INSERT INTO unmapped
    SELECT before + 1, seq - 1 FROM (
      SELECT seq, lag(seq, 1, (SELECT min(seq) FROM folded)) OVER (ORDER BY seq) AS before
      FROM operation WHERE seq > (SELECT min(seq) FROM folded)
      AND seq <= (SELECT max(last) FROM folded))
    WHERE seq > before + 1;
  INSERT INTO unmapped
    SELECT after + 1, last FROM (
      SELECT max(last) AS last, max(min(seq), coalesce((SELECT max(operation.seq) FROM operation
        WHERE operation.seq <= (SELECT max(last) FROM folded)), 0)) AS after FROM folded)
    WHERE after < last;
)sql";

constexpr auto kMapsMax = kPlausibleMax / static_cast<std::int64_t>(kFoldMapReceipts);

std::optional<std::vector<FoldedReceipt>> folded_in(const Row& row) {
  return read_fold_map_row(static_cast<Receipt>(row.integer(0)), row.blob(1));
}

/// The receipts that these rows of the map are about.
Unread::Gap receipts_of(const Unread::Gap& maps) {
  const std::int64_t last = std::min(maps.last, kMapsMax);
  return {static_cast<std::int64_t>(fold_map_begin(static_cast<Receipt>(maps.first))),
          static_cast<std::int64_t>(fold_map_begin(static_cast<Receipt>(last) + 1)) - 1};
}

}  // namespace

Result<void> SalvagedFolds::copy(const Connection& damaged, const Connection& target,
                                 std::int64_t receipts_max) {
  auto done = copy_counts(damaged, target, receipts_max);
  return done ? copy_map(damaged, target) : done;
}

/// These rows have no checksum; what makes no sense is left out.
Result<void> SalvagedFolds::copy_counts(const Connection& damaged, const Connection& target,
                                        std::int64_t receipts_max) {
  auto insert = Statement::prepare(target, "INSERT OR IGNORE INTO folded VALUES(?, ?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  auto unread = scan(damaged, "folded", "seq", ", last, operations",
                     {[receipts_max](const Row& row) {
                        const bool has_range = is_plausible(row, 1) && row.integer(1) > 0;
                        return is_plausible(row, 1) && is_plausible(row, 2, receipts_max) &&
                               (!has_range || row.integer(1) > row.integer(0));
                      },
                      [&](const Row& row) {
                        return insert->start()
                            .bind(row.integer(0))
                            .bind(row.integer(1))
                            .bind(row.integer(2))
                            .run();
                      }});
  if (!unread) return tl::make_unexpected(unread.error());
  counts_unread_ = *std::move(unread);
  return {};
}

Result<void> SalvagedFolds::copy_map(const Connection& damaged, const Connection& target) {
  auto insert = Statement::prepare(target, "INSERT OR IGNORE INTO fold_map VALUES(?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  auto unread = scan(damaged, "fold_map", "map", ", row",
                     {[](const Row& row) {
                        const auto folded = folded_in(row);
                        return folded && !folded->empty();
                      },
                      [&](const Row& row) {
                        const auto newest =
                            static_cast<std::int64_t>(folded_in(row)->back().receipt);
                        highest_ = std::max(highest_, newest);
                        highest_map_ = std::max(highest_map_, row.integer(0));
                        return insert->start().bind(row.integer(0)).bind(row.blob(1)).run();
                      },
                      [](const Row& row) { return row.blob(1); }});
  if (!unread) return tl::make_unexpected(unread.error());
  map_unread_ = *std::move(unread);
  return {};
}

/// What cannot be read of it, or is not in a file of an older version, may be any receipt.
Result<void> SalvagedFolds::copy_unmapped(const Connection& damaged, const Connection& target,
                                          bool has_all) {
  auto insert =
      Statement::prepare(target, "INSERT OR REPLACE INTO unmapped(first, last) VALUES(?, ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  const auto add = [&](std::int64_t first, std::int64_t last) {
    return insert->start().bind(first).bind(last).run();
  };
  const auto has_table =
      damaged.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'unmapped'");
  if (has_table && *has_table == 0) {
    return has_all ? target.execute(kFindUnmapped) : add(1, kPlausibleMax);
  }
  std::int64_t highest = 0;
  auto unread =
      scan(damaged, "unmapped", "first", ", last",
           {[](const Row& row) { return is_plausible(row, 1) && row.integer(1) >= row.integer(0); },
            [&](const Row& row) {
              highest = std::max(highest, row.integer(0));
              return add(row.integer(0), row.integer(1));
            }});
  if (!unread) return tl::make_unexpected(unread.error());
  if (unread->has_end) unread->gaps.push_back({highest + 1, kPlausibleMax});
  Result<void> done;
  for (const auto* missing : {&unread->gaps, &unread->doubtful}) {
    for (const Unread::Gap& gap : *missing) {
      if (done) done = add(gap.first, kPlausibleMax);
    }
  }
  return done;
}

std::vector<Unread::Gap> SalvagedFolds::unread_maps() const {
  std::vector<Unread::Gap> maps = map_unread_.gaps;
  maps.insert(maps.end(), map_unread_.doubtful.begin(), map_unread_.doubtful.end());
  if (map_unread_.has_end) maps.push_back({highest_map_ + 1, kMapsMax});
  return maps;
}

/// What is folded has a higher receipt than the row that has it: nothing below the lowest of those.
Result<std::vector<Unread::Gap>> SalvagedFolds::unmapped(const Connection& target) const {
  const auto lowest = target.integer("SELECT coalesce(min(seq), -1) FROM folded");
  if (!lowest) return tl::make_unexpected(lowest.error());
  std::vector<Unread::Gap> unmapped;
  if (*lowest < 0 && are_counted()) return unmapped;  // nothing was folded
  const std::int64_t from = are_counted() ? *lowest + 1 : 1;
  for (const Unread::Gap& maps : unread_maps()) {
    Unread::Gap receipts = receipts_of(maps);
    receipts.first = std::max(receipts.first, from);
    if (receipts.first <= receipts.last) unmapped.push_back(receipts);
  }
  return unmapped;
}

}  // namespace flowmyna
