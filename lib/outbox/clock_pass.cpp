#include "outbox/clock_pass.h"

#include <algorithm>

namespace flowmyna {
namespace {

/// The sealed operations behind `after`, ascending.
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

}  // namespace

Result<void> correct_step(Storage& storage, const ClockCorrection& correction,
                          const StepLimits& limits) {
  const Receipt from = storage.stats().unsynced_from;
  if (from == 0) return {};
  auto sealed = sealed_after(storage, from - 1);
  if (!sealed) return tl::make_unexpected(sealed.error());
  const auto window =
      storage.read({from - 1, *std::move(sealed), limits.operations_max, limits.bytes_max});
  if (!window) return tl::make_unexpected(window.error());
  for (const Window::Row& row : window->rows()) {
    const auto event = corrected(window->stored(row), correction);
    if (!event) continue;
    if (auto done = storage.rewrite(row.receipt, *event); !done) return done;
  }
  storage.set_unsynced_from(window->more ? window->rows().back().receipt + 1 : 0);
  return {};
}

}  // namespace flowmyna
