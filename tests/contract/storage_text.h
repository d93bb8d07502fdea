#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "outbox/storage.h"
#include "outbox/storage_check.h"
#include "tests/unit/core/operation_list.h"

namespace flowmyna::test {

/// What must not fail for the test to mean anything.
inline void must(const Result<void>& done) {
  if (!done) throw std::runtime_error(done.error().message);
}

inline constexpr const char* kKey = "0190a000-1234-7abc-8def-0123456789ab";

/// Upserts of objects with these ids.
inline EncodedOperations upserts(const std::vector<std::string>& ids) {
  OperationList backlog;
  for (const auto& id : ids) backlog.upsert("Order/" + id);
  return backlog.encoded_operations();
}

/// Commits, and does what may be done afterwards; then all is counted.
inline void commit(Storage& storage) {
  must(storage.commit());
  must(storage.tend());
  if (const auto broken = broken_equation(storage); broken && !broken->empty()) {
    throw std::logic_error(*broken);
  }
}

/// Accepts operations in a transaction of their own; their first receipt.
inline Receipt accept(Storage& storage, const std::vector<std::string>& ids,
                      std::int64_t accepted_unix_s = 1) {
  must(storage.begin());
  const Receipt first = storage.append(upserts(ids), accepted_unix_s).value();
  commit(storage);
  return first;
}

inline void seal(Storage& storage, RequestId id, const std::vector<ItemMembers>& items) {
  must(storage.begin());
  must(storage.seal({id, Kind::kUpsert, kKey, items}));
  commit(storage);
}

inline void settle(Storage& storage, const Settlement& settlement) {
  must(storage.begin());
  must(storage.settle(settlement));
  commit(storage);
}

/// `1:a 2:b`: receipt and object, with ` …` when the backlog goes on.
inline std::string text(const Result<Window>& window) {
  if (!window) return window.error().message;
  std::string out;
  for (const auto& row : window->rows()) {
    const auto operation = Operation::parse(window->stored(row));
    out += (out.empty() ? "" : " ") + std::to_string(row.receipt) + ":" +
           (operation ? std::string(operation->object.id) : "?");
  }
  return out + (window->more ? " …" : "");
}

inline ReadLimits limits(std::size_t operations_max = 1000, std::size_t bytes_max = 1U << 30) {
  ReadLimits out;
  out.operations_max = operations_max;
  out.bytes_max = bytes_max;
  return out;
}

inline std::string everything(Storage& storage) {
  return text(storage.read(limits()));
}

/// What is counted, apart from sizes.
inline std::string text(const OutboxStats& stats) {
  return "accepted " + std::to_string(stats.accepted) + ", delivered " +
         std::to_string(stats.delivered) + ", dead " + std::to_string(stats.dead) +
         (stats.dropped > 0 ? ", dropped " + std::to_string(stats.dropped) : "") + ", coalesced " +
         std::to_string(stats.coalesced) + ", requests " + std::to_string(stats.requests) +
         ", duplicates possible " + std::to_string(stats.duplicates_possible);
}

inline std::string text(const Result<std::vector<Seal>>& seals) {
  if (!seals) return seals.error().message;
  std::string out;
  for (const Seal& seal : *seals) {
    out += (out.empty() ? "" : " ") + std::to_string(seal.id) +
           (seal.kind == Kind::kEvent ? "e" : "u") + seal.idempotency_key.substr(0, 4);
    for (const auto& item : seal.items) {
      out += "{";
      for (const Receipt receipt : item) out += " " + std::to_string(receipt);
      out += " }";
    }
  }
  return out;
}

/// `3(422 no, 1 attempts, at 99): 3:a 7:b`, letters joined by `; `, with ` …` when there are more.
inline std::string text(const DeadLetter& letter) {
  std::string out = std::to_string(letter.id) + "(" + std::to_string(letter.status) + " " +
                    letter.reason + ", " + std::to_string(letter.attempts) + " attempts, at " +
                    std::to_string(letter.at_unix_s) + "): ";
  out += text(Result<Window>(letter.operations));
  for (const Receipt receipt : letter.damaged) out += " !" + std::to_string(receipt);
  return out;
}
inline std::string text(const Result<DeadLetters>& found) {
  if (!found) return found.error().message;
  std::string out;
  for (const DeadLetter& letter : found->letters) out += (out.empty() ? "" : "; ") + text(letter);
  return out + (found->more ? " …" : "");
}
inline std::string text(const Result<std::optional<DeadLetter>>& found) {
  if (!found) return found.error().message;
  return *found ? text(**found) : "none";
}
inline std::string text(const Result<RetriedLetters>& retried) {
  if (!retried) return retried.error().message;
  std::string out = std::to_string(retried->letters) + " letters, " +
                    std::to_string(retried->operations) + " operations, through " +
                    std::to_string(retried->last);
  for (const Receipt letter : retried->damaged) out += ", damaged " + std::to_string(letter);
  return out + (retried->more ? " …" : "");
}

inline LetterLimits letters(Receipt after = 0, Receipt through = 1'000'000) {
  LetterLimits out;
  out.after = after;
  out.through = through;
  return out;
}
inline LetterLimits letter(Receipt id) {
  return letters(id - 1, id);
}

inline Result<RetriedLetters> retry(Storage& storage, const LetterLimits& limits) {
  must(storage.begin());
  auto retried = storage.retry_dead_letters(limits);
  must(storage.commit());
  return retried;
}
inline Result<DeadLetters> drop(Storage& storage, const LetterLimits& limits) {
  must(storage.begin());
  auto dropped = storage.drop_dead_letters(limits);
  must(storage.commit());
  return dropped;
}

/// One letter a receipt, from 0 upwards: pending, delivered, dead (x), dropped (o), none or lost
/// (-), or perhaps folded (?).
inline std::string states(Storage& storage, Receipt last) {
  std::string out;
  for (Receipt receipt = 0; receipt <= last; ++receipt) {
    const auto state = storage.state(receipt);
    out += !state                                 ? '!'
           : *state == ReceiptState::kPending     ? 'p'
           : *state == ReceiptState::kDelivered   ? 'd'
           : *state == ReceiptState::kDead        ? 'x'
           : *state == ReceiptState::kDropped     ? 'o'
           : *state == ReceiptState::kMaybeFolded ? '?'
                                                  : '-';
  }
  return out;
}

}  // namespace flowmyna::test
