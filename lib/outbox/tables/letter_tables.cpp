#include "outbox/tables/letter_tables.h"

#include <algorithm>

#include "outbox/tables/row.h"

namespace flowmyna {
namespace {

/// Receipts come from outside, too; none is above what SQLite can hold.
std::int64_t to_signed(Receipt receipt) {
  constexpr auto kMax = static_cast<Receipt>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(receipt, kMax));
}

Receipt to_receipt(std::int64_t value) {
  return static_cast<Receipt>(value);
}

}  // namespace

std::vector<Receipt> receipts_of(const DeadLetter& letter) {
  std::vector<Receipt> receipts = letter.damaged;
  for (const auto& row : letter.operations.rows()) receipts.push_back(row.receipt);
  return receipts;
}

Result<LetterTables> LetterTables::prepare(const sqlite::Connection& connection) {
  LetterTables tables;
  auto prepared = sqlite::prepare(
      connection,
      {{tables.insert_letter_,
        "INSERT OR REPLACE INTO letter(id, status, reason, attempts, at) "
        "VALUES(?, ?, CAST(? AS TEXT), ?, ?)"},
       {tables.insert_dead_,
        "INSERT OR IGNORE INTO dead(seq, letter, row) SELECT seq, ?, row FROM operation "
        "WHERE seq = ?"},
       {tables.find_dead_, "SELECT letter FROM dead WHERE seq = ?"},
       {tables.find_row_, "SELECT row FROM dead WHERE seq = ?"},
       {tables.rewrite_, "UPDATE dead SET row = ? WHERE seq = ?"},
       {tables.find_dead_between_, "SELECT 1 FROM dead WHERE seq > ? AND seq < ? LIMIT 1"},
       {tables.read_letters_,
        "SELECT id, status, reason, attempts, at FROM letter WHERE id > ? AND id <= ? "
        "ORDER BY id"},
       {tables.read_dead_,
        "SELECT dead.seq, row, coalesce(operations, 0) FROM dead LEFT JOIN folded USING(seq) "
        "WHERE letter = ? ORDER BY dead.seq"},
       {tables.return_dead_,
        "INSERT OR IGNORE INTO operation(seq, row) SELECT seq, row FROM dead WHERE letter = ?"},
       {tables.remove_dead_, "DELETE FROM dead WHERE letter = ?"},
       {tables.remove_letter_, "DELETE FROM letter WHERE id = ?"},
       {tables.dropped_before_,
        "SELECT first, last FROM dropped WHERE first <= ? ORDER BY first DESC LIMIT 1"},
       {tables.put_dropped_, "INSERT OR REPLACE INTO dropped(first, last) VALUES(?, ?)"},
       {tables.remove_dropped_, "DELETE FROM dropped WHERE first = ?"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  return tables;
}

Result<void> LetterTables::bury(const DeadItem& item) {
  Receipt letter = 0;
  for (const Receipt receipt : item.members) {
    const Receipt id = letter == 0 ? receipt : letter;
    auto copied = insert_dead_.start().bind(to_signed(id)).bind(to_signed(receipt)).run();
    if (!copied) return copied;
    if (insert_dead_.changes() > 0) letter = id;
  }
  if (letter == 0) return {};
  return insert_letter_.start()
      .bind(to_signed(letter))
      .bind(std::int64_t{item.status})
      .bind(item.reason)
      .bind(std::int64_t{item.attempts})
      .bind(item.at_unix_s)
      .run();
}

Result<RetriedLetters> LetterTables::retry(const LetterLimits& limits) {
  const auto found = read(limits);
  if (!found) return tl::make_unexpected(found.error());
  RetriedLetters out;
  out.more = found->more;
  for (const DeadLetter& letter : found->letters) {
    out.last = letter.id;
    if (!letter.damaged.empty()) {
      out.damaged.push_back(letter.id);
      continue;
    }
    auto done = return_dead_.start().bind(to_signed(letter.id)).run();
    if (done) done = remove(letter.id);
    if (!done) return tl::make_unexpected(done.error());
    ++out.letters;
    out.operations += letter.operations.size() + letter.folded;
  }
  return out;
}

Result<DeadLetters> LetterTables::drop(const LetterLimits& limits) {
  auto found = read(limits);
  if (!found) return found;
  for (const DeadLetter& letter : found->letters) {
    auto done = remember_dropped(receipts_of(letter));
    if (done) done = remove(letter.id);
    if (!done) return tl::make_unexpected(done.error());
  }
  return found;
}

Result<void> LetterTables::remove(Receipt letter) {
  auto done = remove_dead_.start().bind(to_signed(letter)).run();
  if (done) done = remove_letter_.start().bind(to_signed(letter)).run();
  return done;
}

Result<void> LetterTables::remember_dropped(std::vector<Receipt> receipts) {
  std::ranges::sort(receipts);
  for (std::size_t begin = 0; begin < receipts.size();) {
    std::size_t end = begin + 1;
    while (end < receipts.size() && receipts[end] == receipts[end - 1] + 1) ++end;
    if (auto done = remember_dropped(receipts[begin], receipts[end - 1]); !done) return done;
    begin = end;
  }
  return {};
}

/// Joins the range with its neighbours on both sides: one more range for each dropped operation
/// would keep what was given up for ever.
Result<void> LetterTables::remember_dropped(Receipt first, Receipt last) {
  const auto neighbour = dropped_before_.start().bind(to_signed(last + 1)).step();
  if (!neighbour) return tl::make_unexpected(neighbour.error());
  const bool has_next = *neighbour && to_receipt(dropped_before_.integer(0)) == last + 1;
  const Receipt through = has_next ? to_receipt(dropped_before_.integer(1)) : last;
  dropped_before_.reset();
  if (has_next) {
    auto done = remove_dropped_.start().bind(to_signed(last + 1)).run();
    if (!done) return done;
  }
  const auto before = dropped_before_.start().bind(to_signed(first)).step();
  if (!before) return tl::make_unexpected(before.error());
  const bool has_previous = *before && to_receipt(dropped_before_.integer(1)) + 1 == first;
  const Receipt from = has_previous ? to_receipt(dropped_before_.integer(0)) : first;
  dropped_before_.reset();
  return put_dropped_.start().bind(to_signed(from)).bind(to_signed(through)).run();
}

Result<DeadLetters> LetterTables::read(const LetterLimits& limits) {
  DeadLetters out;
  std::size_t bytes = 0;
  read_letters_.start().bind(to_signed(limits.after)).bind(to_signed(limits.through));
  while (true) {
    const auto row = read_letters_.step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return out;
    DeadLetter letter;
    letter.id = to_receipt(read_letters_.integer(0));
    letter.status = static_cast<int>(read_letters_.integer(1));
    letter.reason = read_letters_.blob(2);
    letter.attempts = static_cast<std::uint32_t>(read_letters_.integer(3));
    letter.at_unix_s = read_letters_.integer(4);
    const auto done = read_operations(letter);
    bytes += letter.operations.bytes();
    const bool fits = out.letters.size() < limits.letters_max && bytes <= limits.bytes_max;
    if (!done || (!out.letters.empty() && !fits)) {
      read_letters_.reset();
      if (!done) return tl::make_unexpected(done.error());
      out.more = true;
      return out;
    }
    out.letters.push_back(std::move(letter));
  }
}

Result<void> LetterTables::read_operations(DeadLetter& letter) {
  read_dead_.start().bind(to_signed(letter.id));
  while (true) {
    const auto row = read_dead_.step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return {};
    const Receipt receipt = to_receipt(read_dead_.integer(0));
    letter.folded += static_cast<std::uint64_t>(read_dead_.integer(2));
    const auto content = read_operation_row(receipt, read_dead_.blob(1));
    if (content && Operation::parse(content->stored)) {
      letter.operations.add(receipt, content->accepted_unix_s, content->stored);
    } else {
      letter.damaged.push_back(receipt);
    }
  }
}

Result<std::optional<DeadLetter>> LetterTables::holding(Receipt receipt) {
  const auto row = find_dead_.start().bind(to_signed(receipt)).step();
  const auto id = row && *row ? to_receipt(find_dead_.integer(0)) : 0;
  find_dead_.reset();
  if (!row) return tl::make_unexpected(row.error());
  if (id == 0) return std::nullopt;
  LetterLimits only;
  only.after = id - 1;
  only.through = id;
  auto found = read(only);
  if (!found) return tl::make_unexpected(found.error());
  if (found->letters.empty()) return std::nullopt;
  return std::move(found->letters.front());
}

Result<void> LetterTables::rewrite(Receipt receipt, const OperationRow& row) {
  std::string bytes;
  append_operation_row(bytes, receipt, row);
  return rewrite_.start().bind(bytes).bind(to_signed(receipt)).run();
}

Result<bool> LetterTables::is_stamped(Receipt receipt) {
  const auto row = find_row_.start().bind(to_signed(receipt)).step();
  if (!row) return row;
  const auto content = *row ? read_operation_row(receipt, find_row_.blob(0)) : std::nullopt;
  const bool is_stamped = content && boot_stamp_of(content->stored).has_value();
  find_row_.reset();
  return is_stamped;
}

Result<bool> LetterTables::has_dead_between(Receipt after, Receipt before) {
  auto found = find_dead_between_.start().bind(to_signed(after)).bind(to_signed(before)).step();
  find_dead_between_.reset();
  return found;
}

Result<ReceiptState> LetterTables::state(Receipt receipt) {
  const auto dead = find_dead_.start().bind(to_signed(receipt)).step();
  find_dead_.reset();
  if (!dead) return tl::make_unexpected(dead.error());
  if (*dead) return ReceiptState::kDead;
  const auto range = dropped_before_.start().bind(to_signed(receipt)).step();
  const bool is_dropped = range && *range && to_receipt(dropped_before_.integer(1)) >= receipt;
  dropped_before_.reset();
  if (!range) return tl::make_unexpected(range.error());
  return is_dropped ? ReceiptState::kDropped : ReceiptState::kDelivered;
}

}  // namespace flowmyna
