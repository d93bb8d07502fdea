#include "tests/contract/memory_storage.h"

#include <algorithm>
#include <cassert>
#include <optional>

namespace flowmyna {

Result<void> MemoryStorage::begin() {
  assert(!in_transaction_);
  in_transaction_ = true;
  undo_.push_back([this, stats = state_.stats] { state_.stats = stats; });
  return {};
}

Result<void> MemoryStorage::commit() {
  assert(in_transaction_);
  in_transaction_ = false;
  undo_.clear();
  return {};
}

void MemoryStorage::rollback() {
  for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) (*step)();
  undo_.clear();
  in_transaction_ = false;
}

Result<void> MemoryStorage::admit(std::uint64_t bytes) {
  if (state_.stats.size_bytes + bytes > quota_bytes_) return quota_reached();
  return {};
}

Result<Receipt> MemoryStorage::append(std::span<const AcceptedOperations> groups) {
  OutboxStats& stats = state_.stats;
  const Receipt first = stats.last_receipt + 1;
  for (const auto& [operations, unix_s] : groups) {
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const Receipt receipt = ++stats.last_receipt;
      ++stats.accepted;
      if (boot_stamp_of(operations[i])) {
        UnsyncedRange range = unsynced();
        range.accepted(receipt);
        set_unsynced(range);
      }
      state_.operations[receipt] = {unix_s, std::string(operations[i])};
      undo_.push_back([this, receipt] { state_.operations.erase(receipt); });
    }
    stats.size_bytes += operations.bytes();
  }
  return first;
}

Result<void> MemoryStorage::seal(const Seal& seal) {
  state_.seals[seal.id] = seal;
  undo_.push_back([this, id = seal.id] { state_.seals.erase(id); });
  return {};
}

/// Nothing when it has left already, as on disk.
std::optional<MemoryStorage::Row> MemoryStorage::take(Receipt receipt) {
  auto node = state_.operations.extract(receipt);
  if (node.empty()) return std::nullopt;
  undo_.push_back([this, receipt, row = node.mapped()] { state_.operations[receipt] = row; });
  state_.stats.size_bytes -= node.mapped().stored.size();
  return std::move(node.mapped());
}

Result<void> MemoryStorage::fold(const Fold& fold, std::string_view stored) {
  auto into = take(fold.into);
  if (!into) {
    return fail(Error::Kind::kCorrupt,
                "operation " + std::to_string(fold.into) + " is damaged or missing");
  }
  into->stored = stored;
  for (const Receipt receipt : fold.members) {
    const auto row = take(receipt);
    if (!row) continue;
    into->folded += 1 + row->folded;
    state_.folded_into[receipt] = fold.into;
    undo_.push_back([this, receipt] { state_.folded_into.erase(receipt); });
  }
  state_.stats.size_bytes += stored.size();
  undo_.push_back([this, receipt = fold.into] { state_.operations.erase(receipt); });
  state_.operations[fold.into] = *std::move(into);
  return {};
}

Result<void> MemoryStorage::settle(const Settlement& settlement) {
  const auto seal = state_.seals.extract(settlement.id);
  if (!seal.empty()) {
    undo_.push_back([this, was = seal.mapped()] { state_.seals[was.id] = was; });
  }
  if (!seal.empty() || settlement.id == 0) state_.stats.count(settlement);
  for (const Receipt receipt : settlement.delivered) {
    const auto row = take(receipt);
    if (!row) continue;
    state_.stats.delivered += 1 + row->folded;
    state_.stats.coalesced += row->folded;
  }
  for (const DeadItem& item : settlement.dead) bury(item);
  (void)give_up(settlement.dropped);
  if (!seal.empty()) note_returned(seal.mapped(), settlement);
  return {};
}

/// As on disk.
void MemoryStorage::note_returned(const Seal& seal, const Settlement& settlement) {
  UnsyncedRange range = unsynced();
  for (const Receipt receipt : returned_events(seal, settlement)) {
    const Row* row = row_of(receipt);
    if (row != nullptr && boot_stamp_of(row->stored)) range.returned(receipt);
  }
  set_unsynced(range);
}

/// Pending or in a letter; null when it is neither.
MemoryStorage::Row* MemoryStorage::row_of(Receipt receipt) {
  const auto pending = state_.operations.find(receipt);
  if (pending != state_.operations.end()) return &pending->second;
  const auto letter = state_.letter_of.find(receipt);
  if (letter == state_.letter_of.end()) return nullptr;
  return &state_.letters.at(letter->second).operations.at(receipt);
}

void MemoryStorage::bury(const DeadItem& item) {
  Letter letter{item.status, item.reason, item.attempts, item.at_unix_s, {}};
  for (const Receipt receipt : item.members) {
    if (auto row = take(receipt)) letter.operations[receipt] = *std::move(row);
  }
  if (letter.operations.empty()) return;
  state_.stats.dead += operations_in(letter);
  const Receipt id = letter.operations.begin()->first;
  add_letter(id, std::move(letter));
  undo_.push_back([this, id] { remove_letter(id); });
}

std::uint64_t MemoryStorage::operations_in(const Letter& letter) {
  std::uint64_t operations = 0;
  for (const auto& [receipt, row] : letter.operations) operations += 1 + row.folded;
  return operations;
}

void MemoryStorage::add_letter(Receipt id, Letter letter) {
  for (const auto& operation : letter.operations) state_.letter_of[operation.first] = id;
  state_.letters[id] = std::move(letter);
}

MemoryStorage::Letter MemoryStorage::remove_letter(Receipt id) {
  Letter letter = std::move(state_.letters.extract(id).mapped());
  for (const auto& operation : letter.operations) state_.letter_of.erase(operation.first);
  return letter;
}

Result<RetriedLetters> MemoryStorage::retry_dead_letters(const LetterLimits& limits) {
  const auto found = dead_letters(limits);
  RetriedLetters out;
  out.more = found->more;
  for (const DeadLetter& described : found->letters) {
    const Receipt id = out.last = described.id;
    Letter letter = remove_letter(id);
    undo_.push_back([this, id, letter] { add_letter(id, letter); });
    ++out.letters;
    out.operations += operations_in(letter);
    for (auto& [receipt, row] : letter.operations) {
      state_.stats.size_bytes += row.stored.size();
      state_.operations[receipt] = std::move(row);
      undo_.push_back([this, receipt = receipt] { state_.operations.erase(receipt); });
    }
  }
  state_.stats.dead -= out.operations;
  return out;
}

Result<DeadLetters> MemoryStorage::drop_dead_letters(const LetterLimits& limits) {
  auto found = dead_letters(limits);
  for (const DeadLetter& described : found->letters) {
    Letter letter = remove_letter(described.id);
    for (const auto& [receipt, row] : letter.operations) {
      state_.dropped.insert(receipt);
      undo_.push_back([this, receipt = receipt] { state_.dropped.erase(receipt); });
    }
    state_.stats.dead -= operations_in(letter);
    state_.stats.dropped += operations_in(letter);
    undo_.push_back([this, id = described.id, letter] { add_letter(id, letter); });
  }
  return found;
}

Result<std::uint64_t> MemoryStorage::give_up(const std::vector<Receipt>& receipts) {
  std::uint64_t operations = 0;
  for (const Receipt receipt : receipts) {
    const auto row = take(receipt);
    if (!row) continue;
    operations += 1 + row->folded;
    state_.dropped.insert(receipt);
    undo_.push_back([this, receipt] { state_.dropped.erase(receipt); });
  }
  state_.stats.dropped += operations;
  return operations;
}

Result<void> MemoryStorage::note_arrival(const Arrival& piece) {
  const auto it = state_.arrivals.find(piece.export_id);
  const auto before = it == state_.arrivals.end() ? std::nullopt : std::optional(it->second);
  undo_.push_back([this, id = piece.export_id, before] {
    state_.arrivals.erase(id);
    if (before) state_.arrivals[id] = *before;
  });
  state_.arrivals[piece.export_id] = {piece.source, piece.through,
                                      piece.first_line + piece.lines - 1};
  return {};
}

Result<std::string> MemoryStorage::id() {
  return "memory";
}

Result<Arrived> MemoryStorage::arrived(std::string_view export_id, std::string_view source) {
  Arrived out;
  for (const auto& [id, arrival] : state_.arrivals) {
    if (id == export_id) {
      out.lines = arrival.lines;
    } else if (arrival.source == source) {
      out.other_through = std::max(out.other_through, arrival.through);
    }
  }
  return out;
}

DeadLetter MemoryStorage::describe(Receipt id, const Letter& letter) {
  DeadLetter out;
  out.id = id;
  out.status = letter.status;
  out.reason = letter.reason;
  out.attempts = letter.attempts;
  out.at_unix_s = letter.at_unix_s;
  for (const auto& [receipt, row] : letter.operations) {
    out.operations.add(receipt, row.accepted_unix_s, row.stored);
    out.folded += row.folded;
  }
  return out;
}

Result<std::uint64_t> MemoryStorage::count_stored() {
  std::uint64_t count = 0;
  for (const auto& [receipt, row] : state_.operations) count += 1 + row.folded;
  for (const auto& [id, letter] : state_.letters) count += operations_in(letter);
  return count;
}

Result<bool> MemoryStorage::has_dead_between(Receipt after, Receipt before) {
  const auto next = state_.letter_of.upper_bound(after);
  return next != state_.letter_of.end() && next->first < before;
}

Result<DeadLetters> MemoryStorage::dead_letters(const LetterLimits& limits) {
  DeadLetters out;
  std::size_t bytes = 0;
  for (auto it = state_.letters.upper_bound(limits.after); it != state_.letters.end(); ++it) {
    if (it->first > limits.through) break;
    DeadLetter letter = describe(it->first, it->second);
    bytes += letter.operations.bytes();
    const bool fits = out.letters.size() < limits.letters_max && bytes <= limits.bytes_max;
    if (!out.letters.empty() && !fits) {
      out.more = true;
      break;
    }
    out.letters.push_back(std::move(letter));
  }
  return out;
}

Result<std::optional<DeadLetter>> MemoryStorage::dead_letter_of(Receipt receipt) {
  while (true) {
    const auto letter = state_.letter_of.find(receipt);
    if (letter != state_.letter_of.end()) {
      return describe(letter->second, state_.letters.at(letter->second));
    }
    const auto row = state_.folded_into.find(receipt);
    if (row == state_.folded_into.end()) return std::nullopt;
    receipt = row->second;
  }
}

Result<void> MemoryStorage::rewrite(Receipt receipt, const CorrectedEvent& event) {
  Row* row = row_of(receipt);
  if (row == nullptr) return {};
  undo_.push_back([this, receipt, was = *row] { *row_of(receipt) = was; });
  if (state_.operations.contains(receipt)) {
    state_.stats.size_bytes -= row->stored.size();
    state_.stats.size_bytes += event.stored.size();
  }
  *row = {event.accepted_unix_s, event.stored};
  return {};
}

UnsyncedRange MemoryStorage::unsynced() const {
  return {state_.stats.unsynced_from, state_.stats.unsynced_through};
}

void MemoryStorage::set_unsynced(const UnsyncedRange& range) {
  state_.stats.unsynced_from = range.from;
  state_.stats.unsynced_through = range.through;
}

Result<Window> MemoryStorage::read(const ReadLimits& limits) {
  Window window;
  for (auto it = state_.operations.upper_bound(limits.after); it != state_.operations.end(); ++it) {
    const auto& [receipt, row] = *it;
    if (std::ranges::binary_search(limits.skip, receipt)) continue;
    if (window.size() >= limits.operations_max ||
        (!window.empty() && window.bytes() + row.stored.size() > limits.bytes_max)) {
      window.more = true;
      break;
    }
    window.add(receipt, row.accepted_unix_s, row.stored);
  }
  return window;
}

Result<Window> MemoryStorage::fetch(const std::vector<Receipt>& receipts) {
  Window window;
  for (const Receipt receipt : receipts) {
    const auto it = state_.operations.find(receipt);
    if (it == state_.operations.end()) {
      return fail(Error::Kind::kInvalid,
                  "operation " + std::to_string(receipt) + " is not in the outbox");
    }
    window.add(receipt, it->second.accepted_unix_s, it->second.stored);
  }
  return window;
}

Result<ReceiptState> MemoryStorage::state(Receipt receipt) {
  if (receipt == 0 || receipt > state_.stats.last_receipt) return ReceiptState::kUnknown;
  while (true) {
    if (const auto own = own_state(receipt)) return *own;
    const auto row = state_.folded_into.find(receipt);
    if (row == state_.folded_into.end()) return ReceiptState::kDelivered;
    receipt = row->second;
  }
}

/// By its own receipt; nothing when it was delivered, or is in another row.
std::optional<ReceiptState> MemoryStorage::own_state(Receipt receipt) const {
  if (state_.operations.contains(receipt)) return ReceiptState::kPending;
  if (state_.letter_of.contains(receipt)) return ReceiptState::kDead;
  if (state_.dropped.contains(receipt)) return ReceiptState::kDropped;
  return std::nullopt;
}

Result<std::vector<Seal>> MemoryStorage::seals() {
  std::vector<Seal> seals;
  for (const auto& [id, seal] : state_.seals) seals.push_back(seal);
  return seals;
}

OutboxStats MemoryStorage::stats() const {
  OutboxStats stats = state_.stats;
  stats.quota_bytes = quota_bytes_;
  return stats;
}

Result<void> MemoryStorage::reopen() {
  rollback();
  return {};
}

}  // namespace flowmyna
