#include "outbox/salvage/lost_receipts.h"

#include <algorithm>
#include <limits>

namespace flowmyna {

void LostReceipts::add(const Unread& unread, std::int64_t highest) {
  ranges_.insert(ranges_.end(), unread.gaps.begin(), unread.gaps.end());
  ranges_.insert(ranges_.end(), unread.doubtful.begin(), unread.doubtful.end());
  if (unread.has_end) add({highest + 1, std::numeric_limits<std::int64_t>::max()});
}

Result<void> LostReceipts::write(const sqlite::Connection& target, std::int64_t through) const {
  auto insert =
      sqlite::Statement::prepare(target,
                                 "INSERT INTO lost(first, last) VALUES(?, ?) ON CONFLICT(first) "
                                 "DO UPDATE SET last = max(last, excluded.last)");
  if (!insert) return tl::make_unexpected(insert.error());
  auto present =
      sqlite::Statement::prepare(target,
                                 "SELECT seq FROM operation WHERE seq BETWEEN ?1 AND ?2 UNION "
                                 "SELECT seq FROM dead WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq");
  if (!present) return tl::make_unexpected(present.error());
  const auto add = [&](std::int64_t first, std::int64_t last) {
    return first > last ? Result<void>{} : insert->start().bind(first).bind(last).run();
  };
  for (const Unread::Gap& range : ranges_) {
    std::int64_t first = std::max<std::int64_t>(range.first, 1);
    const std::int64_t last = std::min(range.last, through);
    present->start().bind(first).bind(last);
    while (true) {
      const auto row = present->step();
      if (!row) return tl::make_unexpected(row.error());
      if (!*row) break;
      if (auto done = add(first, present->integer(0) - 1); !done) return done;
      first = present->integer(0) + 1;
    }
    if (auto done = add(first, last); !done) return done;
  }
  return {};
}

}  // namespace flowmyna
