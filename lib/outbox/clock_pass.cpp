#include "outbox/clock_pass.h"

#include <algorithm>
#include <limits>

namespace flowmyna {
namespace {

constexpr auto kEnd = static_cast<Receipt>(std::numeric_limits<std::int64_t>::max());

/// The sealed operations after `after`, ascending.
Result<std::vector<Receipt>> sealed_after(Storage& storage, Receipt after) {
  const auto seals = storage.seals();
  if (!seals) return tl::make_unexpected(seals.error());
  std::vector<Receipt> receipts;
  for (const Seal& seal : *seals) {
    for (const ItemMembers& item : seal.items) {
      std::ranges::copy_if(item, std::back_inserter(receipts),
                           [after](Receipt receipt) { return receipt > after; });
    }
  }
  std::ranges::sort(receipts);
  return receipts;
}

Result<void> correct(Storage& storage, const Window& window, Receipt through,
                     const ClockCorrection& correction) {
  for (const Window::Row& row : window.rows()) {
    if (row.receipt > through) break;
    const auto event = corrected(window.stored(row), correction);
    if (!event) continue;
    if (auto done = storage.rewrite(row.receipt, *event); !done) return done;
  }
  return {};
}

}  // namespace

Result<void> correct_step(Storage& storage, const ClockCorrection& correction,
                          const StepLimits& limits) {
  const OutboxStats stats = storage.stats();
  UnsyncedRange range{stats.unsynced_from, stats.unsynced_through};
  if (range.from == 0) return {};
  auto sealed = sealed_after(storage, range.from - 1);
  if (!sealed) return tl::make_unexpected(sealed.error());
  const auto pending =
      storage.read({range.from - 1, *std::move(sealed), limits.operations_max, limits.bytes_max});
  if (!pending) return tl::make_unexpected(pending.error());
  const auto dead = storage.dead_letters(
      {range.from - 1, kEnd, limits.operations_max, std::max<std::size_t>(limits.bytes_max, 1)});
  if (!dead) return tl::make_unexpected(dead.error());
  const Receipt through = std::min({range.through == 0 ? kEnd : range.through,
                                    pending->more ? pending->rows().back().receipt : kEnd,
                                    dead->more ? dead->letters.back().id : kEnd});
  auto done = correct(storage, *pending, through, correction);
  for (const DeadLetter& letter : dead->letters) {
    if (done) done = correct(storage, letter.operations, through, correction);
  }
  if (!done) return done;
  if (through == kEnd) {
    range = {};
  } else {
    range.looked_at(through);
  }
  storage.set_unsynced(range);
  return {};
}

}  // namespace flowmyna
