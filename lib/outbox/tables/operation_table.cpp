#include "outbox/tables/operation_table.h"

#include <algorithm>

#include "core/empty_out.h"
#include "outbox/tables/operation_rows.h"

namespace flowmyna {
namespace {

/// How much memory the buffer in which rows are made keeps from one write to the next.
constexpr std::size_t kKeptRowBytes = 64U << 10;

std::int64_t to_signed(Receipt receipt) {
  return static_cast<std::int64_t>(receipt);
}

}  // namespace

Result<OperationTable> OperationTable::prepare(const sqlite::Connection& connection) {
  OperationTable table;
  auto prepared = sqlite::prepare(
      connection, {{table.rewrite_, "UPDATE operation SET row = ? WHERE seq = ?"},
                   {table.remove_, "DELETE FROM operation WHERE seq BETWEEN ? AND ?"},
                   {table.read_, "SELECT seq, row FROM operation WHERE seq > ? ORDER BY seq"},
                   {table.fetch_, "SELECT row FROM operation WHERE seq = ?"},
                   {table.walk_, "SELECT seq FROM operation ORDER BY seq"}});
  if (!prepared) return tl::make_unexpected(prepared.error());
  auto insert = sqlite::RowInsert::prepare(connection, "operation", "seq", "row");
  if (!insert) return tl::make_unexpected(insert.error());
  table.insert_ = *std::move(insert);
  return table;
}

Result<OperationTable::Appended> OperationTable::append(std::span<const AcceptedOperations> groups,
                                                        std::int64_t before) {
  OperationRows rows(groups, before, row_);
  const auto inserted = insert_.run(before + 1, rows);
  empty_out(row_, kKeptRowBytes);
  if (!inserted) return tl::make_unexpected(inserted.error());
  return Appended{*inserted, rows.unsynced_from()};
}

Result<bool> OperationTable::rewrite(Receipt receipt, const OperationRow& row) {
  append_operation_row(row_, receipt, row);
  const auto done = rewrite_.start().bind(row_).bind(to_signed(receipt)).run();
  empty_out(row_, kKeptRowBytes);
  if (!done) return tl::make_unexpected(done.error());
  return rewrite_.changes() > 0;
}

Result<void> OperationTable::rewrite(Receipt receipt, std::string_view stored) {
  const auto found = fetch_.start().bind(to_signed(receipt)).step();
  if (!found) return tl::make_unexpected(found.error());
  auto row = *found ? read_operation_row(receipt, fetch_.blob(0)) : std::nullopt;
  fetch_.reset();
  if (!row) {
    return fail(Error::Kind::kCorrupt,
                "operation " + std::to_string(receipt) + " is damaged or missing");
  }
  row->stored = stored;
  return rewrite(receipt, *row).map([](bool) {});
}

Result<std::int64_t> OperationTable::remove(const ReceiptRange& range) {
  auto done = remove_.start().bind(range.first).bind(range.last).run();
  if (!done) return tl::make_unexpected(done.error());
  return remove_.changes();
}

Result<void> OperationTable::expect_gone(const std::vector<ReceiptRange>& ranges) {
  if (ranges.empty()) return {};
  auto range = ranges.begin();
  std::int64_t before = 0;
  walk_.start();
  while (range != ranges.end()) {
    const auto row = walk_.step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return {};
    const std::int64_t seq = walk_.integer(0);
    while (range != ranges.end() && range->last < seq) ++range;
    const bool is_there = range != ranges.end() && range->first <= seq;
    if (seq <= before || is_there) {
      walk_.reset();
      return fail(Error::Kind::kCorrupt, "the outbox is damaged: operations cannot be removed");
    }
    before = seq;
  }
  walk_.reset();
  return {};
}

Result<bool> OperationTable::has(Receipt receipt) {
  auto row = fetch_.start().bind(to_signed(receipt)).step();
  fetch_.reset();
  return row;
}

Result<bool> OperationTable::is_stamped(Receipt receipt) {
  const auto row = fetch_.start().bind(to_signed(receipt)).step();
  if (!row) return row;
  const auto content = *row ? read_operation_row(receipt, fetch_.blob(0)) : std::nullopt;
  const bool is_stamped = content && boot_stamp_of(content->stored).has_value();
  fetch_.reset();
  return is_stamped;
}

/// Adds the row that the reading statement stands on, or ends the window when it does not fit.
Result<void> OperationTable::add_row(Window& window, const ReadLimits& limits) const {
  const auto receipt = static_cast<Receipt>(read_.integer(0));
  const auto row = read_operation_row(receipt, read_.blob(1));
  if (!row) {
    return fail(Error::Kind::kCorrupt,
                "operation " + std::to_string(receipt) + " fails its checksum");
  }
  if (window.size() >= limits.operations_max ||
      (!window.empty() && window.bytes() + row->stored.size() > limits.bytes_max)) {
    window.more = true;
  } else {
    window.add(receipt, row->accepted_unix_s, row->stored);
  }
  return {};
}

Result<Window> OperationTable::read(const ReadLimits& limits, Receipt last) {
  Window window;
  const std::size_t rows_max = last - std::min(last, limits.after);
  window.reserve(std::min(limits.operations_max, rows_max), limits.bytes_max);
  Receipt before = limits.after;
  read_.start().bind(to_signed(limits.after));
  while (!window.more) {
    const auto row = read_.step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) break;
    const auto receipt = static_cast<Receipt>(read_.integer(0));
    if (receipt <= before) {
      read_.reset();
      return fail(Error::Kind::kCorrupt, "the outbox is damaged: its operations are out of order");
    }
    before = receipt;
    if (std::ranges::binary_search(limits.skip, receipt)) continue;
    if (auto added = add_row(window, limits); !added) {
      read_.reset();
      return tl::make_unexpected(added.error());
    }
  }
  read_.reset();
  return window;
}

Result<Window> OperationTable::fetch(const std::vector<Receipt>& receipts) {
  Window window;
  for (const Receipt receipt : receipts) {
    const auto row = fetch_.start().bind(to_signed(receipt)).step();
    if (!row) return tl::make_unexpected(row.error());
    const auto content = *row ? read_operation_row(receipt, fetch_.blob(0)) : std::nullopt;
    if (content) window.add(receipt, content->accepted_unix_s, content->stored);
    fetch_.reset();
    if (!content) {
      return fail(*row ? Error::Kind::kCorrupt : Error::Kind::kInvalid,
                  "operation " + std::to_string(receipt) +
                      (*row ? " fails its checksum" : " is not in the outbox"));
    }
  }
  return window;
}

}  // namespace flowmyna
