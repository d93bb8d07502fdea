#include "outbox/salvage/remains.h"

#include <algorithm>

#include "outbox/salvage/damaged_file.h"
#include "outbox/salvage/table_scan.h"
#include "outbox/sqlite/log_file.h"
#include "outbox/tables/folded_table.h"
#include "outbox/tables/row.h"

namespace flowmyna {
namespace {

using sqlite::Connection;
using sqlite::Row;
using sqlite::Statement;

/// Receipts whose operations are read before any of the next ones, as a table that is damaged is
/// read in no order. Where nothing is found it gets wider.
constexpr std::int64_t kPieceReceipts = 64;
constexpr std::int64_t kPieceReceiptsMax = std::int64_t{1} << 40;

class Moving {
 public:
  static Result<Moving> prepare(const Connection& source, const Connection& target) {
    Moving moving(source);
    auto done = sqlite::prepare(
        target,
        {{moving.used_,
          "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
          "pragma_freelist_count, pragma_page_size"},
         {moving.insert_, "INSERT OR IGNORE INTO operation VALUES(?, ?)"},
         {moving.lose_,
          "INSERT INTO lost(first, last) VALUES(?, ?) ON CONFLICT(first) DO UPDATE SET last = "
          "max(last, excluded.last)"},
         {moving.count_,
          "UPDATE damage SET kept = kept + ? WHERE at = (SELECT max(at) FROM "
          "damage)"},
         {moving.stamp_,
          "UPDATE state SET unsynced_from = ?, unsynced_through = 0 WHERE unsynced_from = 0 OR "
          "unsynced_from > ?"}});
    if (!done) return tl::make_unexpected(done.error());
    auto next =
        Statement::prepare(source, "SELECT seq FROM operation WHERE seq > ? ORDER BY seq LIMIT 1");
    if (!next) return tl::make_unexpected(next.error());
    moving.next_ = *std::move(next);
    return moving;
  }

  Result<std::int64_t> run(std::int64_t after, std::int64_t through, std::uint64_t bytes_max) {
    Result<void> done;
    std::int64_t width = kPieceReceipts;
    const std::uint64_t before_all = used();
    while (done && after < through && used() < before_all + bytes_max) {
      const std::int64_t first = first_behind(after, through);
      const std::int64_t last = first + std::min(width - 1, through - first);
      const std::int64_t before = rows_;
      if (first <= through) done = move_piece({first, last});
      width = rows_ > before ? kPieceReceipts : std::min(2 * width, kPieceReceiptsMax);
      after = std::min(last, through);
    }
    if (done) done = count_.start().bind(rows_).run();
    if (done && unsynced_from_ != 0) {
      done = stamp_.start().bind(unsynced_from_).bind(unsynced_from_).run();
    }
    if (!done) return tl::make_unexpected(done.error());
    return after;
  }

 private:
  explicit Moving(const Connection& source) : source_(source) {}

  /// In whole pages, which hold a quarter less than they take when rows are a kilobyte long.
  std::uint64_t used() {
    const bool has_row = used_.start().step().value_or(false);
    const std::int64_t bytes = has_row ? used_.integer(0) : 0;
    used_.reset();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0));
  }

  /// Where the next row is, if that can be read; past the end when there is none.
  std::int64_t first_behind(std::int64_t after, std::int64_t through) {
    const auto row = next_.start().bind(after).step();
    const std::int64_t next = !row ? after + 1 : *row ? next_.integer(0) : through + 1;
    next_.reset();
    return std::clamp(next, after + 1, through + 1);
  }

  Result<void> move_piece(const KeyRange& keys) {
    const auto unread = scan(
        source_, "operation", "seq", ", row",
        {[](const Row& row) {
           const auto content =
               read_operation_row(static_cast<Receipt>(row.integer(0)), row.blob(1));
           return content && Operation::parse(content->stored);
         },
         [this](const Row& row) { return take(row); }, [](const Row& row) { return row.blob(1); }},
        keys);
    if (!unread) return tl::make_unexpected(unread.error());
    Result<void> lost;
    for (const auto* missing : {&unread->gaps, &unread->doubtful}) {
      for (const Unread::Gap& gap : *missing) {
        if (lost) lost = lose(gap);
      }
    }
    return lost;
  }

  Result<void> take(const Row& row) {
    const std::int64_t seq = row.integer(0);
    const auto content = read_operation_row(static_cast<Receipt>(seq), row.blob(1));
    if (boot_stamp_of(content->stored) && (unsynced_from_ == 0 || seq < unsynced_from_)) {
      unsynced_from_ = seq;
    }
    auto done = insert_.start().bind(seq).bind(row.blob(1)).run();
    if (!done || insert_.changes() == 0) return done;
    ++rows_;
    return {};
  }

  Result<void> lose(const Unread::Gap& gap) {
    return lose_.start().bind(gap.first).bind(gap.last).run();
  }

  const Connection& source_;
  Statement used_, insert_, lose_, count_, stamp_, next_;
  std::int64_t rows_ = 0;
  std::int64_t unsynced_from_ = 0;
};

/// What is not there now is lost.
Result<Salvaged> end_remains(const Connection& target, const std::string& file) {
  auto done = target.execute(kEmptyFoldedWithoutRow);
  if (!done) return tl::make_unexpected(done.error());
  done = target.execute(
      "UPDATE damage SET lost = (SELECT max(0, accepted - skipped - delivered - dropped - lost "
      "- (SELECT count(*) FROM operation) - (SELECT count(*) FROM dead) "
      "- (SELECT coalesce(sum(operations), 0) FROM folded)) FROM state) "
      "WHERE at = (SELECT max(at) FROM damage);"
      "UPDATE state SET lost = lost + (SELECT lost FROM damage ORDER BY at DESC LIMIT 1);"
      "DROP TABLE remains");
  if (!done) return tl::make_unexpected(done.error());
  auto told = Statement::prepare(
      target, "SELECT kept, lost, is_exact FROM damage ORDER BY at DESC LIMIT 1");
  if (!told) return tl::make_unexpected(told.error());
  const auto row = told->step();
  if (!row) return tl::make_unexpected(row.error());
  Salvaged salvaged;
  salvaged.file = file;
  salvaged.kept = static_cast<std::uint64_t>(told->integer(0));
  salvaged.lost = static_cast<std::uint64_t>(told->integer(1));
  salvaged.is_exact = told->integer(2) != 0;
  return salvaged;
}

}  // namespace

Result<std::optional<Remains>> remains_of(const Connection& file) {
  const auto has = file.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'remains'");
  if (!has) return tl::make_unexpected(has.error());
  if (*has == 0) return std::optional<Remains>{};
  auto query = Statement::prepare(file, "SELECT file, after FROM remains");
  if (!query) return tl::make_unexpected(query.error());
  const auto row = query->step();
  if (!row) return tl::make_unexpected(row.error());
  if (!*row) return std::optional<Remains>{};
  return Remains{std::string(query->blob(0)), query->integer(1)};
}

Result<void> begin_remains(const Connection& target, const Remains& remains) {
  auto done = target.execute(
      "CREATE TABLE IF NOT EXISTS remains(file TEXT NOT NULL, after INTEGER NOT NULL)");
  if (!done) return done;
  auto insert = Statement::prepare(target, "INSERT INTO remains VALUES(CAST(? AS TEXT), ?)");
  if (!insert) return tl::make_unexpected(insert.error());
  return insert->bind(remains.file).bind(remains.after).run();
}

Result<std::int64_t> move_operations(const Connection& source, const Connection& target,
                                     std::int64_t after, std::int64_t through,
                                     std::uint64_t bytes_max) {
  auto moving = Moving::prepare(source, target);
  if (!moving) return tl::make_unexpected(moving.error());
  return moving->run(after, through, bytes_max);
}

Result<std::optional<Salvaged>> move_more(const Connection& target, const Remains& remains,
                                          std::uint64_t bytes_max) {
  if (FilePlace::of(remains.file).is_nowhere()) {
    return fail(Error::Kind::kIo, "the damaged outbox " + remains.file +
                                      " is gone, and not all of its operations were moved from it "
                                      "yet: put it back");
  }
  auto source = DamagedFile::open(remains.file);
  if (!source) return tl::make_unexpected(source.error());
  const auto through = target.integer("SELECT accepted FROM state WHERE id = 1");
  if (!through) return tl::make_unexpected(through.error());
  const auto after =
      move_operations(source->connection(), target, remains.after, *through, bytes_max);
  if (!after) return tl::make_unexpected(after.error());
  if (*after >= *through) return end_remains(target, remains.file);
  auto update = Statement::prepare(target, "UPDATE remains SET after = ?");
  if (!update) return tl::make_unexpected(update.error());
  auto done = update->bind(*after).run();
  if (!done) return tl::make_unexpected(done.error());
  return std::optional<Salvaged>{};
}

Result<ReceiptState> state_in(const Remains& remains, Receipt receipt) {
  const auto seq = static_cast<std::int64_t>(receipt);
  if (seq <= remains.after) return ReceiptState::kDelivered;
  auto source = DamagedFile::open(remains.file);
  if (!source) return tl::make_unexpected(source.error());
  auto find = Statement::prepare(source->connection(), "SELECT 1 FROM operation WHERE seq = ?");
  if (!find) return tl::make_unexpected(find.error());
  const auto row = find->bind(seq).step();
  if (!row) return ReceiptState::kMaybeLost;
  return *row ? ReceiptState::kPending : ReceiptState::kDelivered;
}

}  // namespace flowmyna
