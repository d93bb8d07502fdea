// Folding on disk, and what became of a receipt.

#include "outbox/file/beside.h"
#include "outbox/file/sqlite_storage.h"

namespace flowmyna {
namespace {

/// Rows of the fold map that are gone through at once while nobody wants anything.
constexpr std::size_t kFoldMapsCleaned = 4;

}  // namespace

Result<void> SqliteStorage::fold(const Fold& fold, std::string_view stored) {
  const auto members = remove_operations(fold.members);
  if (!members) return tl::make_unexpected(members.error());
  if (auto done = open_->folded.merge(fold.members); !done) return done;
  if (auto done = open_->operations.rewrite(fold.into, stored); !done) return done;
  // The highest receipt may have had its row among them.
  counters_moved_ = true;
  open_->fold_map.note(fold);
  return open_->folded.add(fold.into, members->operations());
}

/// While folding it also forgets what was delivered since the last time, twice as fast as it
/// writes: so the map never holds much more than what waits.
Result<void> SqliteStorage::write_folds() {
  const auto written = open_->fold_map.write();
  if (!written) return tl::make_unexpected(written.error());
  return clean_fold_map(2 * *written);
}

/// Not while some operations have not been moved here yet: they would pass for delivered.
Result<void> SqliteStorage::clean_fold_map(std::size_t rows_max) {
  if (remains_) return {};
  return open_->fold_map.clean(rows_max, [this](Receipt row) {
    return state_of_row(row).map([](ReceiptState is) { return is == ReceiptState::kDelivered; });
  });
}

/// Whether there is more to do.
Result<bool> SqliteStorage::clean_when_idle() {
  if (open_->fold_map.is_clean() || remains_) return false;
  auto done = begin();
  if (done) done = clean_fold_map(kFoldMapsCleaned);
  if (done) done = commit();
  if (!done) return tl::make_unexpected(done.error());
  return !open_->fold_map.is_clean();
}

Result<ReceiptState> SqliteStorage::state(Receipt receipt) {
  if (receipt == 0 || receipt > static_cast<Receipt>(committed_.highest))
    return ReceiptState::kUnknown;
  const auto known = state_of_row(receipt);
  if (!known || *known != ReceiptState::kDelivered) return known;
  if (auto sound = check_beside(*open_, receipt); !sound) {
    return tl::make_unexpected(sound.error());
  }
  return may_be_folded(receipt).map(
      [](bool may_be) { return may_be ? ReceiptState::kMaybeFolded : ReceiptState::kDelivered; });
}

/// What is known of an operation by its own receipt: kDelivered when nothing is.
Result<ReceiptState> SqliteStorage::own_state(Receipt receipt) {
  const auto is_pending = open_->operations.has(receipt);
  if (!is_pending) return tl::make_unexpected(is_pending.error());
  return *is_pending ? ReceiptState::kPending : open_->letters.state(receipt);
}

/// The state of an operation, or of what it was folded into, through any number of folds.
Result<ReceiptState> SqliteStorage::state_of_row(Receipt receipt) {
  while (true) {
    const auto own = own_state(receipt);
    if (!own || *own != ReceiptState::kDelivered) return own;
    const auto row = open_->fold_map.row_of(receipt);
    if (!row) return tl::make_unexpected(row.error());
    if (*row == 0) break;
    receipt = *row;
  }
  if (remains_) {
    const auto there = state_in(*remains_, receipt);
    if (!there || *there != ReceiptState::kDelivered) return there;
  }
  const auto lost = open_->damage.may_have_lost(receipt);
  if (!lost) return tl::make_unexpected(lost.error());
  return *lost ? ReceiptState::kMaybeLost : ReceiptState::kDelivered;
}

/// Whether an older version may have folded it into a row that is still undelivered.
Result<bool> SqliteStorage::may_be_folded(Receipt receipt) {
  const auto rows = open_->folded.may_hold(receipt);
  if (!rows) return tl::make_unexpected(rows.error());
  for (const Receipt row : *rows) {
    const auto state = state_of_row(row);
    if (!state) return tl::make_unexpected(state.error());
    if (*state != ReceiptState::kDelivered) return true;
  }
  return false;
}

Result<std::optional<DeadLetter>> SqliteStorage::dead_letter_of(Receipt receipt) {
  while (true) {
    auto letter = open_->letters.holding(receipt);
    if (!letter || *letter) return letter;
    const auto row = open_->fold_map.row_of(receipt);
    if (!row) return tl::make_unexpected(row.error());
    if (*row == 0) return std::nullopt;
    receipt = *row;
  }
}

}  // namespace flowmyna
