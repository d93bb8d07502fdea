#include "outbox/memory_storage.h"

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

bool MemoryStorage::has_room_for(const EncodedOperations& operations) const {
  return state_.stats.size_bytes + operations.bytes() <= quota_bytes_;
}

Result<Receipt> MemoryStorage::append(const EncodedOperations& operations,
                                      std::int64_t accepted_unix_s) {
  OutboxStats& stats = state_.stats;
  const Receipt first = stats.accepted + 1;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Receipt receipt = first + i;
    state_.operations[receipt] = {accepted_unix_s, std::string(operations[i])};
    undo_.push_back([this, receipt] { state_.operations.erase(receipt); });
  }
  stats.accepted += operations.size();
  stats.size_bytes += operations.bytes();
  return first;
}

Result<void> MemoryStorage::seal(const Seal& seal) {
  state_.seals[seal.id] = seal;
  undo_.push_back([this, id = seal.id] { state_.seals.erase(id); });
  return {};
}

Result<void> MemoryStorage::settle(const Settlement& settlement) {
  if (const auto it = state_.seals.find(settlement.id); it != state_.seals.end()) {
    undo_.push_back([this, seal = it->second] { state_.seals[seal.id] = seal; });
    state_.seals.erase(it);
  }
  // What is settled already stays so, as on disk.
  const auto take = [this](Receipt receipt) -> std::optional<Row> {
    auto node = state_.operations.extract(receipt);
    if (node.empty()) return std::nullopt;
    undo_.push_back([this, receipt, row = node.mapped()] { state_.operations[receipt] = row; });
    state_.stats.size_bytes -= node.mapped().stored.size();
    return std::move(node.mapped());
  };
  for (const Receipt receipt : settlement.delivered) {
    if (take(receipt)) ++state_.stats.delivered;
  }
  state_.stats.coalesced += settlement.coalesced;
  state_.stats.requests += settlement.requests;
  state_.stats.duplicates_possible += settlement.duplicates_possible;
  for (const DeadItem& item : settlement.dead) {
    for (const Receipt receipt : item.members) {
      auto row = take(receipt);
      if (!row) continue;
      state_.dead[receipt] = *std::move(row);
      undo_.push_back([this, receipt] { state_.dead.erase(receipt); });
      ++state_.stats.dead;
    }
  }
  return {};
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
      return fail(Error::Kind::kCorrupt,
                  "operation " + std::to_string(receipt) + " of a sealed request is damaged");
    }
    window.add(receipt, it->second.accepted_unix_s, it->second.stored);
  }
  return window;
}

Result<ReceiptState> MemoryStorage::state(Receipt receipt) {
  if (receipt == 0 || receipt > state_.stats.accepted) return ReceiptState::kUnknown;
  if (state_.operations.contains(receipt)) return ReceiptState::kPending;
  return state_.dead.contains(receipt) ? ReceiptState::kDead : ReceiptState::kDelivered;
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
