#include "outbox/tables/fold_map.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

namespace flowmyna {
namespace {

std::int64_t to_signed(Receipt value) {
  return static_cast<std::int64_t>(value);
}

tl::unexpected<Error> damaged(Receipt map) {
  return fail(Error::Kind::kCorrupt,
              "the outbox is damaged: fold map " + std::to_string(map) + " fails its checksum");
}

}  // namespace

Result<FoldMap> FoldMap::prepare(const sqlite::Connection& connection) {
  FoldMap map;
  auto prepared = sqlite::prepare(
      connection, {{map.find_, "SELECT row FROM fold_map WHERE map = ?"},
                   {map.next_, "SELECT map, row FROM fold_map WHERE map > ? ORDER BY map LIMIT 1"},
                   {map.save_, "INSERT OR REPLACE INTO fold_map(map, row) VALUES(?, ?)"},
                   {map.remove_, "DELETE FROM fold_map WHERE map = ?"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  const auto any = connection.integer("SELECT EXISTS(SELECT 1 FROM fold_map)");
  if (!any) return tl::make_unexpected(any.error());
  // What was delivered before the last end may not have been gone through.
  map.is_clean_ = *any == 0;
  return map;
}

void FoldMap::note(const Fold& fold) {
  for (const Receipt member : fold.members) {
    noted_[fold_map_of(member)].push_back({member, fold.into});
  }
}

Result<std::size_t> FoldMap::write() {
  for (auto& [map, folded] : noted_) {
    const auto before = read(map);
    if (!before) return tl::make_unexpected(before.error());
    folded.insert(folded.end(), before->begin(), before->end());
    if (auto done = save(map, folded); !done) return tl::make_unexpected(done.error());
  }
  const std::size_t written = noted_.size();
  noted_.clear();
  return written;
}

/// Empty when there is none.
Result<FoldMap::Folded> FoldMap::read(Receipt map) {
  const auto row = find_.start().bind(to_signed(map)).step();
  if (!row) return tl::make_unexpected(row.error());
  auto folded = *row ? read_fold_map_row(map, find_.blob(0)) : Folded{};
  find_.reset();
  if (!folded) return damaged(map);
  return *std::move(folded);
}

Result<void> FoldMap::save(Receipt map, const Folded& folded) {
  if (folded.empty()) return remove_.start().bind(to_signed(map)).run();
  const std::string row = make_fold_map_row(map, folded);
  return save_.start().bind(to_signed(map)).bind(row).run();
}

Result<Receipt> FoldMap::row_of(Receipt receipt) {
  const auto folded = read(fold_map_of(receipt));
  if (!folded) return tl::make_unexpected(folded.error());
  const auto found = std::ranges::lower_bound(*folded, receipt, {}, &FoldedReceipt::receipt);
  return found != folded->end() && found->receipt == receipt ? found->row : 0;
}

void FoldMap::note_delivery() {
  if (cleaned_through_ > 0) delivered_since_ = true;
  is_clean_ = false;
}

Result<void> FoldMap::clean(std::size_t rows_max, const IsDelivered& is_delivered) {
  for (std::size_t i = 0; i < rows_max && !is_clean_; ++i) {
    const auto more = clean_next(is_delivered);
    if (!more) return tl::make_unexpected(more.error());
    if (*more) continue;
    cleaned_through_ = 0;
    is_clean_ = !std::exchange(delivered_since_, false);
  }
  return {};
}

/// False when there is no further row.
Result<bool> FoldMap::clean_next(const IsDelivered& is_delivered) {
  const auto row = next_.start().bind(to_signed(cleaned_through_)).step();
  if (!row || !*row) return row;
  const auto map = static_cast<Receipt>(next_.integer(0));
  auto folded = read_fold_map_row(map, next_.blob(1));
  next_.reset();
  if (!folded) return damaged(map);
  cleaned_through_ = map;
  std::unordered_map<Receipt, bool> known;
  for (const FoldedReceipt& one : *folded) {
    if (known.contains(one.row)) continue;
    const auto is_gone = is_delivered(one.row);
    if (!is_gone) return is_gone;
    known[one.row] = *is_gone;
  }
  const auto forgotten =
      std::erase_if(*folded, [&](const FoldedReceipt& one) { return known.at(one.row); });
  if (forgotten == 0) return true;
  return save(map, *folded).map([] { return true; });
}

}  // namespace flowmyna
