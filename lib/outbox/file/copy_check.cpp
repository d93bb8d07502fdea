#include "outbox/file/copy_check.h"

#include "outbox/salvage/integrity.h"
#include "outbox/tables/row.h"
#include "outbox/tables/state_table.h"

namespace flowmyna {
namespace {

constexpr int kStepRows = 1000;
constexpr std::size_t kStepBytes = 1U << 20;
constexpr std::int64_t kStepFoldMaps = 32;

}  // namespace

Result<CopyCheck> CopyCheck::begin(const sqlite::Connection& copy) {
  if (auto sound = check_integrity(copy); !sound) return tl::make_unexpected(sound.error());
  CopyCheck check;
  auto operations = OperationTable::prepare(copy);
  if (!operations) return tl::make_unexpected(operations.error());
  check.operations_ = *std::move(operations);
  auto state = StateTable::prepare(copy);
  if (!state) return tl::make_unexpected(state.error());
  const auto counters = state->load();
  if (!counters) return tl::make_unexpected(counters.error());
  check.counted_ =
      counters->accepted() -
      static_cast<std::int64_t>(counters->delivered + counters->dropped + counters->lost);
  auto prepared = sqlite::prepare(
      copy,
      {{check.dead_, "SELECT seq, 1 FROM dead WHERE seq > ? ORDER BY seq LIMIT ?"},
       {check.folded_, "SELECT seq, operations FROM folded WHERE seq > ? ORDER BY seq LIMIT ?"},
       {check.fold_map_, "SELECT map, row FROM fold_map WHERE map > ? ORDER BY map LIMIT ?"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  return check;
}

Result<bool> CopyCheck::step() {
  const auto more = go_on();
  if (!more || *more) return more;
  after_ = 0;
  if (stage_ != Stage::kFoldMap) {
    stage_ = static_cast<Stage>(static_cast<int>(stage_) + 1);
    return true;
  }
  if (found_ == counted_) return false;
  return fail(Error::Kind::kCorrupt, "the copy holds " + std::to_string(found_) +
                                         " operations, but " + std::to_string(counted_) +
                                         " are counted: the outbox is damaged");
}

Result<bool> CopyCheck::go_on() {
  switch (stage_) {
    case Stage::kPending:
      return read_pending();
    case Stage::kDead:
      return count(dead_);
    case Stage::kFolded:
      return count(folded_);
    default:
      return read_fold_map();
  }
}

Result<bool> CopyCheck::read_pending() {
  ReadLimits limits;
  limits.after = static_cast<Receipt>(after_);
  limits.operations_max = kStepRows;
  limits.bytes_max = kStepBytes;
  const auto window = operations_.read(limits, limits.after + kStepRows);
  if (!window) return tl::make_unexpected(window.error());
  found_ += static_cast<std::int64_t>(window->size());
  if (!window->empty()) after_ = static_cast<std::int64_t>(window->rows().back().receipt);
  return window->more;
}

Result<bool> CopyCheck::read_fold_map() {
  fold_map_.start().bind(after_).bind(kStepFoldMaps);
  std::int64_t read = 0;
  while (true) {
    const auto row = fold_map_.step();
    if (!row) return row;
    if (!*row) return read == kStepFoldMaps;
    ++read;
    after_ = fold_map_.integer(0);
    if (read_fold_map_row(static_cast<Receipt>(after_), fold_map_.blob(1))) continue;
    fold_map_.reset();
    return fail(Error::Kind::kCorrupt,
                "the copy is damaged: fold map " + std::to_string(after_) + " fails its checksum");
  }
}

Result<bool> CopyCheck::count(sqlite::Statement& rows) {
  rows.start().bind(after_).bind(std::int64_t{kStepRows});
  int read = 0;
  while (true) {
    const auto row = rows.step();
    if (!row) return row;
    if (!*row) return read == kStepRows;
    ++read;
    after_ = rows.integer(0);
    found_ += rows.integer(1);
  }
}

}  // namespace flowmyna
