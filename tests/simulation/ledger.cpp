#include "ledger.h"

#include <algorithm>

namespace flowmyna::simulation {

void Ledger::accepted(Receipt first, const std::vector<ModelOperation>& operations) {
  findings_.expect(first == entries_.size() + 1,
                   [&] { return "receipt " + std::to_string(first) + " leaves a gap"; });
  for (const ModelOperation& operation : operations) {
    entries_.push_back({operation, State::kPending});
  }
}

void Ledger::answered(Receipt first, const std::vector<ModelOperation>& operations) {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Receipt receipt = first + i;
    const bool is_there =
        receipt <= entries_.size() && operation(receipt).serial == operations[i].serial;
    findings_.expect(is_there, [&] {
      return "a writer was answered for what is not durable: " + render(operations[i]);
    });
  }
}

bool Ledger::is_latest(const ModelOperation& event, const ModelOperation::Target& target) const {
  return latest_types_.contains(target.type) && !event.writes(target.object());
}

/// The objects of a request, and whether it writes them.
std::map<std::string, bool> Ledger::touches(const Seal& seal) const {
  std::map<std::string, bool> out;
  for (const ItemMembers& item : seal.items) {
    for (const Receipt receipt : item) {
      const ModelOperation& member = operation(receipt);
      for (const auto& target : member.targets) {
        const bool is_event = member.kind == Kind::kEvent;
        if (is_event && is_latest(member, target)) continue;
        out[target.object()] |= !is_event || member.writes(target.object());
      }
    }
  }
  return out;
}

/// Whatever is sealed may go out in any order after a crash, so no two of it may depend on each
/// other.
void Ledger::sealed(const Seal& seal) {
  std::set<Receipt> members;
  for (const ItemMembers& item : seal.items) members.insert(item.begin(), item.end());
  const auto own = touches(seal);
  for (const auto& [key, other] : seals_) {
    for (const ItemMembers& item : other.items) {
      for (const Receipt receipt : item) {
        findings_.expect(!members.contains(receipt), [&] {
          return "operation " + std::to_string(receipt) + " is in two sealed requests";
        });
      }
    }
    for (const auto& [object, writes] : touches(other)) {
      const auto it = own.find(object);
      findings_.expect(it == own.end() || (!writes && !it->second), [&object = object] {
        return "two sealed requests depend on each other by " + object;
      });
    }
  }
  for (const Receipt receipt : members) {
    const bool is_pending =
        receipt <= entries_.size() && entries_[receipt - 1].state == State::kPending;
    findings_.expect(is_pending, [&] {
      return "operation " + std::to_string(receipt) + " is sealed, but not pending";
    });
  }
  findings_.expect(seals_.emplace(seal.idempotency_key, seal).second,
                   [&] { return "the key " + seal.idempotency_key + " is used twice"; });
}

void Ledger::leave(Receipt receipt, State state, const std::set<Receipt>& members) {
  Entry& entry = entries_.at(receipt - 1);
  findings_.expect(members.contains(receipt) && entry.state == State::kPending, [&] {
    return "operation " + std::to_string(receipt) + " is settled, but not by its request";
  });
  entry.state = state;
}

void Ledger::settled(const Settlement& settlement) {
  const auto seal = std::ranges::find_if(
      seals_, [&](const auto& entry) { return entry.second.id == settlement.id; });
  if (seal == seals_.end()) {
    findings_.expect(settlement.delivered.empty() && settlement.dead.empty(), [&] {
      return "request " + std::to_string(settlement.id) + " is settled, but not sealed";
    });
    return;
  }
  std::set<Receipt> members;
  for (const ItemMembers& item : seal->second.items) members.insert(item.begin(), item.end());
  for (const Receipt receipt : settlement.delivered) leave(receipt, State::kDelivered, members);
  for (const DeadItem& item : settlement.dead) {
    for (const Receipt receipt : item.members) leave(receipt, State::kDead, members);
    dead_.push_back(item);
  }
  seals_.erase(seal);
}

}  // namespace flowmyna::simulation
