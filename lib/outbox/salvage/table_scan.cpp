#include "outbox/salvage/table_scan.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "outbox/salvage/row_key.h"

namespace flowmyna {
namespace {

using sqlite::Row;
using sqlite::Statement;

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
// No row of ours has a lower key, but one whose key is damaged may.
constexpr std::int64_t kFirst = 1;

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
// How far after the last row the key of another one is believed when only a checksum tells it.
constexpr std::int64_t kFarthest = 1 << 20;
// So that memory stays bounded; beyond that they are joined.
constexpr std::size_t kDoubtfulMax = 10'000;

/// Keys that nothing is known of, both ends included.
struct Range {
  std::int64_t first = kFirst;
  std::int64_t last = kEnd;
  std::int64_t step = kFirstStep;  ///< where the next cut is, when the end is far away
  bool has_disorder = false;       ///< a row in it or beside it is right, but not in its place
};

/// A row that is not right.
struct Passed {
  std::int64_t key = 0;                       ///< as it says
  std::optional<std::uint32_t> key_checksum;  ///< that of the key which would make it right
};

/// What one reading of a range came to, in the order of reading.
struct Run {
  bool is_whole = false;  ///< it came to the range's other end
  bool is_in_order = true;
  std::optional<std::int64_t> first, last;  ///< keys of rows that are what they should be
  std::vector<Unread::Gap> doubtful;
  std::optional<std::int64_t> last_damaged;  ///< of the table
  std::int64_t beyond = 0;                   ///< key of a right row past the range's other end
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
    unread.doubtful = merged(std::move(doubtful_));
    unread.last_damaged = last_damaged_;
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
    range.has_disorder = range.has_disorder || !up.is_in_order || !down.is_in_order;
    if (up.is_whole && down.is_whole) {
      if (up.first != down.last || up.last != down.first) {
        divide(range);
      } else if (!up.first && is_suspect(range, down)) {
        add({range.first, range.last}, doubtful_);
      } else {
        doubt(up);
        doubt(down);  // at the range's beginning it sees more
      }
      return;
    }
    if (up.last && down.last && *up.last >= *down.last) {
      // Each came to where the other had read, and yet not to the end: they do not say the same.
      range.has_disorder = true;
      divide(range);
      return;
    }
    // Where a run began, only one from the other side tells that nothing is missing.
    Range left = range;
    if (up.last && up.is_in_order) {
      look_again({range.first, *up.first - 1, kFirstStep, range.has_disorder});
      left.first = *up.last + 1;
      doubt(up);
    }
    if (down.last && down.is_in_order) {
      if (*down.first < range.last) {
        look_again({*down.first + 1, range.last, kFirstStep, range.has_disorder});
      }
      left.last = *down.last - 1;
      doubt(down);
    }
    range = left;
    if (range.first <= range.last) divide(range);
  }

  void look_again(const Range& range) {
    if (range.first <= range.last) (range.last == kEnd ? ends_ : gaps_).push_back(range);
  }

  /// Nothing is in the range, but what stands beside it may stand in the place of something.
  bool is_suspect(const Range& range, const Run& down) const {
    return range.has_disorder && (range.last != kEnd || down.beyond < highest_);
  }

  void doubt(const Run& run) {
    for (const Unread::Gap& gap : run.doubtful) add(gap, doubtful_);
    if (run.last_damaged) last_damaged_ = run.last_damaged;
  }

  static std::vector<Unread::Gap> merged(std::vector<Unread::Gap> some) {
    std::ranges::sort(some, {}, &Unread::Gap::first);
    std::vector<Unread::Gap> out;
    for (const Unread::Gap& gap : some) {
      if (out.empty() || out.back().last < gap.first) {
        out.push_back(gap);
      } else {
        out.back().last = std::max(out.back().last, gap.last);
      }
    }
    return out;
  }

  static void add(const Unread::Gap& gap, std::vector<Unread::Gap>& to) {
    if (gap.first > gap.last) return;
    if (to.size() < kDoubtfulMax) {
      to.push_back(gap);
    } else {
      to.back() = {std::min(to.back().first, gap.first), std::max(to.back().last, gap.last)};
    }
  }

  void divide(const Range& range) {
    if (range.first == range.last) {
      given_up_.push_back(range);
      return;
    }
    const std::int64_t middle = range.first + std::min(range.step, (range.last - range.first) / 2);
    gaps_.push_back({range.first, middle, range.step, range.has_disorder});
    const Range rest{middle + 1, range.last, std::min(range.step, kEnd / 2) * 2,
                     range.has_disorder};
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
    std::vector<Passed> passed;  // since the last row that is right
    const auto doubt_before = [&](std::optional<std::int64_t> key) {
      const auto behind = held ? std::optional(held->integer(0)) : std::nullopt;
      note_doubt(std::exchange(passed, {}), range, is_upwards ? behind : key,
                 is_upwards ? key : behind, run);
    };
    const std::int64_t lowest =
        range.first == kFirst ? std::numeric_limits<std::int64_t>::min() : range.first;
    statement.start().bind(is_upwards ? lowest : range.last);
    for (int damaged = 0; damaged < kDamagedInARowMax && !run.is_whole && run.is_in_order;) {
      const auto step = statement.step();
      if (!step && step.error().kind != Error::Kind::kCorrupt) failed_ = step.error();
      run.is_whole = step && !*step;
      if (!step || !*step) break;
      Row row(statement);
      damaged = is_right(row) ? 0 : damaged + 1;
      if (damaged > 0) {
        passed.push_back(passed_by(row));
        continue;
      }
      const std::int64_t key = row.integer(0);
      const std::int64_t start = is_upwards ? range.first : range.last;
      run.is_in_order = held ? is_before(held->integer(0), key) : !is_before(key, start);
      if (!run.is_in_order) break;
      doubt_before(key);
      take(held, run);
      run.is_whole = !is_before(key, end);
      if (is_before(end, key)) {
        run.beyond = key;
      } else {
        held.emplace(std::move(row));
      }
    }
    if (run.is_whole) doubt_before(std::nullopt);
    if (run.is_in_order) take(held, run);
    statement.reset();
    return run;
  }

  Passed passed_by(const Row& row) const {
    return {row.integer(0),
            rows_.checked ? key_checksum_of(rows_.checked(row)) : std::optional<std::uint32_t>()};
  }

  /// Between two right rows others were passed. Where a row has a checksum, either its content is
  /// damaged and its key is in order, or its key is damaged and its content tells which it was.
  void note_doubt(const std::vector<Passed>& passed, const Range& range,
                  std::optional<std::int64_t> low, std::optional<std::int64_t> high, Run& run) {
    if (passed.empty()) return;
    const KeyRange between{low ? *low + 1 : range.first, high ? *high - 1 : range.last};
    KeyRange likely = between;
    if (!high && range.last == kEnd) {
      likely.last = std::max(between.first + kFarthest, rows_.likely_through);
    }
    std::vector<std::int64_t> keys;
    for (const Passed& row : passed) {
      const std::size_t before = keys.size();
      if (between.first <= row.key && row.key <= between.last) keys.push_back(row.key);
      const auto key =
          row.key_checksum ? key_with_checksum(*row.key_checksum, row.key, likely) : std::nullopt;
      if (key) keys.push_back(*key);
      if (!rows_.checked || keys.size() == before) {
        add({std::max(between.first, range.first), std::min(between.last, range.last)},
            run.doubtful);
        return;
      }
    }
    for (const std::int64_t key : keys) {
      if (range.first <= key && key <= range.last) add({key, key}, run.doubtful);
    }
    if (!high && range.last == kEnd) run.last_damaged = std::ranges::max(keys);
  }

  bool is_right(const Row& row) const {
    return row.is_integer(0) && rows_.is_right(row) && row.integer(0) >= kFirst;
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
  std::vector<Unread::Gap> doubtful_;
  std::optional<std::int64_t> last_damaged_;
  int in_vain_ = 0;  // tries since a row was read
  std::int64_t highest_ = 0;
};

}  // namespace

std::uint64_t Unread::keys() const {
  std::uint64_t count = 0;
  for (const Gap& gap : gaps) count += static_cast<std::uint64_t>(gap.last - gap.first) + 1;
  return count;
}

bool Unread::is_end_known(std::int64_t through) const {
  return !has_end && last_damaged.value_or(0) <= through &&
         std::ranges::none_of(doubtful, [](const Gap& gap) { return gap.last == kEnd; });
}

std::int64_t Unread::rows_at_most(std::int64_t through) const {
  std::int64_t count = 0;
  for (const auto* some : {&gaps, &doubtful}) {
    for (const Gap& gap : *some) {
      const std::int64_t last = std::min(gap.last, through);
      if (gap.first <= last) count += last - gap.first + 1;
    }
  }
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
