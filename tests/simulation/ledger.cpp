#include "ledger.h"

#include <algorithm>

namespace flowmyna::simulation {

void Ledger::accepted(Receipt first, const std::vector<ModelOperation>& operations) {
  findings_.expect(first == entries_.size() + 1,
                   [&] { return "receipt " + std::to_string(first) + " leaves a gap"; });
  for (const ModelOperation& operation : operations) {
    Entry& entry = entries_.emplace_back();
    entry.operation = operation;
    entry.accepted_at = clock_.boot_now();
    ++counts_[static_cast<std::size_t>(State::kPending)];
    waiting_.insert(entries_.size());
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
    for (const Receipt receipt : behind(item)) {
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

/// Once the clock is synchronised, an event that was never sealed goes with its right time.
void Ledger::is_being_sealed(const Seal& seal, const VirtualClock& clock) {
  for (const ItemMembers& item : seal.items) {
    for (const Receipt receipt : item) {
      Entry& entry = entries_.at(receipt - 1);
      const bool is_correctable = entry.operation.boot &&
                                  entry.operation.boot->boot == clock.boot_id() &&
                                  clock.is_synchronised();
      if (is_correctable && !entry.was_sealed) entry.must_be_right = true;
      entry.was_sealed = true;
    }
  }
}

void Ledger::sealed(const Seal& seal) {
  std::set<Receipt> members;
  for (const ItemMembers& item : seal.items) members.insert(item.begin(), item.end());
  check_independence(seal, members);
  for (const Receipt receipt : members) {
    findings_.expect(waiting_.erase(receipt) == 1, [&] {
      return "operation " + std::to_string(receipt) + " is sealed, but does not wait";
    });
  }
  check_order(members);
  const std::uint64_t number = numbers_.size() + 1;
  const bool is_new = numbers_.emplace(seal.idempotency_key, number).second;
  findings_.expect(is_new, [&] { return "the key " + seal.idempotency_key + " is used twice"; });
  keys_.push_back(seal.idempotency_key);
  for (const ItemMembers& item : seal.items) {
    for (const Receipt receipt : behind(item)) entries_[receipt - 1].seals.push_back(number);
  }
  seals_.emplace(seal.idempotency_key, seal);
}

/// Whatever is sealed may go out in any order after a crash, so no two of it may depend on each
/// other.
void Ledger::check_independence(const Seal& seal, const std::set<Receipt>& members) {
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
}

void Ledger::check_order(const std::set<Receipt>& members) {
  for (const Receipt earlier : waiting_) {
    if (earlier > *members.rbegin()) return;
    for (auto it = members.upper_bound(earlier); it != members.end(); ++it) {
      const bool is_in_order =
          !depend(operation(earlier), operation(*it)) || may_overtake(*it, earlier);
      findings_.expect(is_in_order, [&] {
        return "operation " + std::to_string(*it) + " is sealed while operation " +
               std::to_string(earlier) + " waits";
      });
    }
  }
}

bool Ledger::may_overtake(Receipt later, Receipt earlier) const {
  const Entry& back = entries_[earlier - 1];
  if (retries_of(back.operation.serial) == 0) return false;
  return back.heard_of_at == 0 || entries_[later - 1].dispatched_at < back.heard_of_at;
}

bool Ledger::depend(const ModelOperation& a, const ModelOperation& b) const {
  for (const auto& mine : a.targets) {
    for (const auto& other : b.targets) {
      if (mine.type != other.type || mine.id != other.id) continue;
      if (a.kind == Kind::kEvent && is_latest(a, mine)) continue;
      if (b.kind == Kind::kEvent && is_latest(b, other)) continue;
      const bool is_written = a.kind == Kind::kUpsert || b.kind == Kind::kUpsert ||
                              a.writes(mine.object()) || b.writes(mine.object());
      if (is_written) return true;
    }
  }
  return false;
}

void Ledger::leave(Receipt receipt, State state, const std::set<Receipt>& members) {
  Entry& entry = entries_.at(receipt - 1);
  findings_.expect(members.contains(receipt) && entry.state == State::kPending, [&] {
    return "operation " + std::to_string(receipt) + " is settled, but not by its request";
  });
  for (const Receipt each : behind({receipt})) set_state(each, state);
  waiting_.erase(receipt);
}

void Ledger::set_state(Receipt receipt, State state) {
  Entry& entry = entries_.at(receipt - 1);
  --counts_[static_cast<std::size_t>(entry.state)];
  ++counts_[static_cast<std::size_t>(state)];
  entry.state = state;
}

std::vector<Receipt> Ledger::behind(const ItemMembers& rows) const {
  std::vector<Receipt> out;
  for (const Receipt row : rows) {
    const std::vector<Receipt>& folded = entries_.at(row - 1).folded;
    out.push_back(row);
    out.insert(out.end(), folded.begin(), folded.end());
  }
  std::ranges::sort(out);
  return out;
}

/// What is on its way stays as it is, and nothing passes what it depends on.
void Ledger::folded(const Fold& fold) {
  std::vector<Receipt> rows = fold.members;
  rows.push_back(fold.into);
  for (const Receipt receipt : rows) {
    findings_.expect(waiting_.contains(receipt), [&] {
      return "operation " + std::to_string(receipt) + " is folded, but does not wait";
    });
  }
  for (const Receipt member : fold.members) waiting_.erase(member);
  for (const Receipt member : fold.members) {
    for (auto it = waiting_.upper_bound(fold.into); it != waiting_.end() && *it < member; ++it) {
      findings_.expect(!depend(operation(*it), operation(member)), [&] {
        return "operation " + std::to_string(member) + " is folded past " + std::to_string(*it);
      });
    }
  }
  Entry& into = entries_.at(fold.into - 1);
  into.folded = behind(rows);
  std::erase(into.folded, fold.into);
  for (const Receipt member : fold.members) entries_.at(member - 1).folded.clear();
}

void Ledger::settled(const Settlement& settlement) {
  const auto seal = std::ranges::find_if(
      seals_, [&](const auto& entry) { return entry.second.id == settlement.id; });
  if (seal == seals_.end()) {
    const bool is_nothing =
        settlement.delivered.empty() && settlement.dead.empty() && settlement.dropped.empty();
    findings_.expect(is_nothing, [&] {
      return "request " + std::to_string(settlement.id) + " is settled, but not sealed";
    });
    return;
  }
  std::set<Receipt> members;
  for (const ItemMembers& item : seal->second.items) members.insert(item.begin(), item.end());
  waiting_.insert(members.begin(), members.end());
  for (const Receipt receipt : settlement.delivered) {
    leave(receipt, State::kDelivered, members);
    for (const Receipt each : behind({receipt})) {
      entries_[each - 1].delivered_by = seal_number(seal->first);
    }
  }
  for (const DeadItem& item : settlement.dead) {
    for (const Receipt receipt : item.members) leave(receipt, State::kDead, members);
    dead_.push_back({item, clock_.boot_now()});
    dead_.back().item.members = behind(item.members);
  }
  for (const Receipt receipt : settlement.dropped) leave(receipt, State::kDropped, members);
  seals_.erase(seal);
}

void Ledger::retried(const DeadLetters& letters) {
  for (const DeadLetter& letter : letters.letters) {
    for (const auto& row : letter.operations.rows()) {
      Entry& entry = entries_.at(row.receipt - 1);
      findings_.expect(entry.state == State::kDead, [&] {
        return "operation " + std::to_string(row.receipt) + " is retried, but not dead";
      });
      for (const Receipt each : behind({row.receipt})) {
        set_state(each, State::kPending);
        ++retries_[entries_[each - 1].operation.serial];
      }
      entry.dispatched_at = entry.heard_of_at = 0;
      waiting_.insert(row.receipt);
    }
  }
}

void Ledger::dropped(const DeadLetters& letters) {
  for (const DeadLetter& letter : letters.letters) {
    for (const auto& row : letter.operations.rows()) {
      Entry& entry = entries_.at(row.receipt - 1);
      findings_.expect(entry.state == State::kDead, [&] {
        return "operation " + std::to_string(row.receipt) + " is dropped, but not dead";
      });
      for (const Receipt each : behind({row.receipt})) set_state(each, State::kDropped);
    }
  }
}

/// What a request holds is given up by its settlement alone.
void Ledger::given_up(const std::vector<Receipt>& receipts) {
  for (const Receipt receipt : receipts) {
    findings_.expect(waiting_.erase(receipt) == 1, [&] {
      return "operation " + std::to_string(receipt) + " is given up, but does not wait";
    });
    for (const Receipt each : behind({receipt})) set_state(each, State::kDropped);
  }
}

Receipt Ledger::unexplained(const std::set<Receipt>& stuck,
                            const std::function<bool(const ModelOperation&)>& cause) const {
  std::vector<Receipt> waiting;
  for (Receipt receipt = 1; receipt <= entries_.size(); ++receipt) {
    if (entries_[receipt - 1].state != State::kPending) continue;
    const bool depends = std::ranges::any_of(
        waiting, [&](Receipt earlier) { return depend(operation(earlier), operation(receipt)); });
    const bool is_named = stuck.contains(receipt) && cause(operation(receipt));
    if (!is_named && !depends && !is_back_behind(receipt, stuck)) return receipt;
    waiting.push_back(receipt);
  }
  return 0;
}

bool Ledger::is_back_behind(Receipt receipt, const std::set<Receipt>& stuck) const {
  if (retries_of(operation(receipt).serial) == 0) return false;
  return std::ranges::any_of(
      stuck, [&](Receipt other) { return depend(operation(other), operation(receipt)); });
}

void Ledger::dispatching(const std::vector<Seal>& seals) {
  ++moment_;
  for (const Seal& seal : seals) {
    for (const ItemMembers& item : seal.items) {
      for (const Receipt receipt : item) {
        // Parts of a refused request are sealed anew; they were on their way before.
        std::uint64_t& at = entries_.at(receipt - 1).dispatched_at;
        if (at == 0) at = moment_;
      }
    }
  }
}

void Ledger::heard_of_retries(Receipt lowest) {
  ++moment_;
  for (auto it = waiting_.lower_bound(lowest); it != waiting_.end(); ++it) {
    std::uint64_t& at = entries_[*it - 1].heard_of_at;
    if (at == 0) at = moment_;
  }
}

void Ledger::restarted() {
  for (const Receipt receipt : waiting_) entries_[receipt - 1].dispatched_at = 0;
  heard_of_retries(1);
}

}  // namespace flowmyna::simulation
