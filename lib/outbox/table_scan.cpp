#include "outbox/table_scan.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

namespace flowmyna {
namespace {

using sqlite::Row;
using sqlite::Statement;

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

// A page of the backlog holds up to some hundred rows, a page of pages some hundred of those. Each
// try reads a few pages, mostly from the cache: a second or so in all.
constexpr int kTriesMax = 200'000;
// As wide a gap as one page of pages leaves is searched closely enough to find each whole page in
// it. When nothing at all can be read, it is the page with which the table begins.
constexpr int kTriesInVainMax = 10'000;
constexpr int kTriesForNothingMax = 2'000;
constexpr std::int64_t kFirstStep = 1 << 12;
// More than a page holds.
constexpr int kDamagedInARowMax = 1'000;

/// Keys that nothing is known of, both ends included.
struct Range {
  std::int64_t first = 1;
  std::int64_t last = kEnd;
  std::int64_t step = kFirstStep;  ///< where the next cut is, when the end is far away
};

/// What one reading of a range came to, in the order of reading.
struct Run {
  bool is_whole = false;  ///< it came to the range's other end
  bool is_in_order = true;
  std::optional<std::int64_t> first, last;  ///< keys of rows that are what they should be
};

class Scan {
 public:
  Scan(Statement up, Statement down, const RowTaker& rows)
      : up_(std::move(up)), down_(std::move(down)), rows_(rows) {}

  Result<Unread> run(const KeyRange& keys) {
    Range all;
    all.first = keys.first;
    all.last = keys.last;
    const bool has_end = keys.last == kEnd;
    (has_end ? ends_ : gaps_).push_back(all);
    for (int tries = 0; tries < kTriesMax && !is_in_vain() && (!gaps_.empty() || !ends_.empty());
         ++tries, ++in_vain_) {
      read_both_ways(take());
      if (failed_) return tl::make_unexpected(*failed_);
    }
    for (const auto* left : {&gaps_, &ends_}) {
      given_up_.insert(given_up_.end(), left->begin(), left->end());
    }
    std::ranges::sort(given_up_, {}, &Range::first);
    Unread unread;
    for (const Range& range : given_up_) {
      if (range.last == kEnd) unread.has_end = true;
      if (has_end && range.first >= highest_) continue;  // beyond the table's end
      if (!unread.gaps.empty() && unread.gaps.back().last + 1 == range.first) {
        unread.gaps.back().last = range.last;
      } else {
        unread.gaps.push_back({range.first, range.last});
      }
    }
    return unread;
  }

 private:
  bool is_in_vain() const {
    return in_vain_ >= (highest_ == 0 ? kTriesForNothingMax : kTriesInVainMax);
  }

  /// What has no end comes last: most of it is beyond the table's.
  Range take() {
    std::deque<Range>& from = gaps_.empty() ? ends_ : gaps_;
    const Range range = from.front();
    from.pop_front();
    return range;
  }

  /// A page whose keys are damaged, or that is not where it belongs, can end a run early as if all
  /// had been read; but hardly one from below and one from above at the same row.
  void read_both_ways(Range range) {
    const Run up = read(up_, range, true);
    const Run down = read(down_, range, false);
    if (up.is_whole && down.is_whole) {
      if (up.first != down.last || up.last != down.first) divide(range);
      return;
    }
    if (up.last && up.is_in_order) range.first = *up.last + 1;
    if (down.last && down.is_in_order) range.last = *down.last - 1;
    if (range.first <= range.last) divide(range);
  }

  void divide(const Range& range) {
    if (range.first == range.last) {
      given_up_.push_back(range);
      return;
    }
    const std::int64_t middle = range.first + std::min(range.step, (range.last - range.first) / 2);
    gaps_.push_back({range.first, middle, range.step});
    const Range rest{middle + 1, range.last, std::min(range.step, kEnd / 2) * 2};
    (range.last == kEnd ? ends_ : gaps_).push_back(rest);
  }

  /// Reads on until a page refuses, or a right row lies at or beyond the range's other end. The
  /// keys of others mean nothing. A row is taken once the next one shows that it is in its place.
  Run read(Statement& statement, const Range& range, bool is_upwards) {
    const std::int64_t end = is_upwards ? range.last : range.first;
    const auto is_before = [is_upwards](std::int64_t a, std::int64_t b) {
      return is_upwards ? a < b : a > b;
    };
    Run run;
    std::optional<Row> held;
    statement.start().bind(is_upwards ? range.first : range.last);
    for (int damaged = 0; damaged < kDamagedInARowMax && !run.is_whole && run.is_in_order;) {
      const auto step = statement.step();
      if (!step && step.error().kind != Error::Kind::kCorrupt) failed_ = step.error();
      run.is_whole = step && !*step;
      if (!step || !*step) break;
      Row row(statement);
      damaged = row.is_integer(0) && rows_.is_right(row) ? 0 : damaged + 1;
      if (damaged > 0) continue;
      const std::int64_t key = row.integer(0);
      const std::int64_t start = is_upwards ? range.first : range.last;
      run.is_in_order = held ? is_before(held->integer(0), key) : !is_before(key, start);
      if (!run.is_in_order) break;
      take(held, run);
      run.is_whole = !is_before(key, end);
      if (!is_before(end, key)) held.emplace(std::move(row));
    }
    if (run.is_in_order) take(held, run);
    statement.reset();
    return run;
  }

  void take(std::optional<Row>& held, Run& run) {
    if (!held || failed_) return;
    if (auto done = rows_.take(*held); !done) failed_ = done.error();
    in_vain_ = 0;
    run.last = held->integer(0);
    highest_ = std::max(highest_, *run.last);
    if (!run.first) run.first = run.last;
    held.reset();
  }

  Statement up_, down_;
  const RowTaker& rows_;
  std::optional<Error> failed_;
  std::deque<Range> gaps_, ends_;
  std::vector<Range> given_up_;
  int in_vain_ = 0;  // tries since a row was read
  std::int64_t highest_ = 0;
};

}  // namespace

std::uint64_t Unread::keys() const {
  std::uint64_t count = 0;
  for (const Gap& gap : gaps) count += static_cast<std::uint64_t>(gap.last - gap.first) + 1;
  return count;
}

Result<Unread> scan(const sqlite::Connection& file, const std::string& table,
                    const std::string& key, const std::string& columns, const RowTaker& rows,
                    const KeyRange& keys) {
  const std::string select = "SELECT " + key + columns + " FROM " + table + " WHERE " + key;
  auto up = Statement::prepare(file, (select + " >= ? ORDER BY " + key).c_str());
  if (!up) return Unread{};
  auto down = Statement::prepare(file, (select + " <= ? ORDER BY " + key + " DESC").c_str());
  if (!down) return tl::make_unexpected(down.error());
  return Scan(*std::move(up), *std::move(down), rows).run(keys);
}

}  // namespace flowmyna
