#include "outbox/compactor.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace flowmyna {
namespace {

// Objects whose last upsert is remembered: 512 KiB, and enough for what a site updates in turn.
constexpr std::size_t kSlots = 32'768;

// A row that has grown to this is left alone: folding rewrites the whole of it each time.
constexpr std::size_t kFoldedBytesMax = 256U << 10;

/// An upsert under way to its folded form.
class Folding {
 public:
  Folding(Receipt into, std::string_view stored, std::size_t bytes_max)
      : stored_(stored), into_(into), bytes_max_(bytes_max) {
    open();
  }

  bool is_open() const { return is_open_; }

  /// False when it is another object's, or the row would grow too large.
  bool take(Receipt receipt, const Operation& upsert) {
    if (!is_open_ || upsert.object != base_.object) return false;
    bytes_ += upsert.stored_size;
    if (bytes_ > bytes_max_) return false;
    compose(patch_, upsert.properties);
    fold_.members.push_back(receipt);
    return true;
  }

  Result<void> write(Storage& storage, std::vector<Fold>& folds) {
    if (fold_.members.empty()) return {};
    std::string properties;
    PropertiesView::encode(patch_.properties(), properties);
    Operation folded = base_;
    folded.properties = PropertiesView(properties);
    std::string stored;
    folded.encode(stored);
    fold_.into = into_;
    if (auto done = storage.fold(fold_, stored); !done) return done;
    folds.push_back(std::move(fold_));
    return {};
  }

 private:
  void open() {
    auto operation = Operation::parse(stored_);
    is_open_ = operation && operation->kind == Kind::kUpsert;
    if (!is_open_) return;
    base_ = *std::move(operation);
    bytes_ = stored_.size();
    compose(patch_, base_.properties);
  }

  const std::string stored_;
  const Receipt into_;
  const std::size_t bytes_max_;
  bool is_open_ = false;
  Operation base_;
  Patch patch_;
  std::size_t bytes_ = 0;
  Fold fold_;
};

/// The row of this receipt alone; nothing when it has left the backlog.
Result<std::optional<std::string>> row_of(Storage& storage, Receipt receipt) {
  ReadLimits limits;
  limits.after = receipt - 1;
  limits.operations_max = 1;
  const auto window = storage.read(limits);
  if (!window) return tl::make_unexpected(window.error());
  if (window->empty() || window->rows().front().receipt != receipt) return std::nullopt;
  return std::string(window->stored(window->rows().front()));
}

}  // namespace

void Compactor::reset() {
  slots_.clear();
  changes_.clear();
  looked_at_ = looked_at_before_ = 0;
}

void Compactor::revert() {
  for (; !changes_.empty(); changes_.pop_back()) {
    slots_[changes_.back().at] = changes_.back().before;
  }
  looked_at_ = looked_at_before_;
}

void Compactor::set(const Slot& slot) {
  const std::size_t at = slot.object % slots_.size();
  changes_.push_back({at, std::exchange(slots_[at], slot)});
}

/// The object was touched: nothing that comes may be folded into what was before.
void Compactor::close(std::uint64_t object) {
  if (slot(object).object == object) set({object, 0});
}

Result<Compacted> Compactor::step(Storage& storage, const CompactLimits& limits) {
  if (slots_.empty()) slots_.resize(kSlots);
  changes_.clear();
  looked_at_before_ = looked_at_;
  ReadLimits reading;
  reading.after = looked_at_;
  reading.operations_max = limits.operations_max;
  reading.bytes_max = limits.bytes_max;
  const auto window = storage.read(reading);
  if (!window) return tl::make_unexpected(window.error());
  std::vector<Operation> operations;
  operations.reserve(window->size());
  for (const Window::Row& row : window->rows()) {
    if (row.receipt > limits.through) break;
    auto operation = Operation::parse(window->stored(row));
    if (!operation) {
      return fail(Error::Kind::kCorrupt,
                  "operation " + std::to_string(row.receipt) + " cannot be read");
    }
    operations.push_back(*std::move(operation));
  }
  Compacted out;
  out.rows = operations.size();
  out.more = window->more && operations.size() == window->size();
  out.answered = storage.stats().last_receipt;
  for (const Group& group : this->group(*window, operations, limits)) {
    if (auto done = fold(storage, *window, operations, group, out.folds); !done) {
      return tl::make_unexpected(done.error());
    }
  }
  if (!operations.empty()) looked_at_ = window->rows()[operations.size() - 1].receipt;
  return out;
}

/// Goes through the window's operations once, and leaves the table as it is at their end.
std::vector<Compactor::Group> Compactor::group(const Window& window,
                                               const std::vector<Operation>& operations,
                                               const CompactLimits& limits) {
  const auto is_taken = [&](Receipt receipt) {
    return std::ranges::binary_search(limits.taken, receipt);
  };
  std::vector<Group> groups;
  std::unordered_map<Receipt, std::size_t> group_of;  // by target
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Receipt receipt = window.rows()[i].receipt;
    if (operations[i].kind == Kind::kEvent || is_taken(receipt)) {
      for (const Touch& touch : touches_of({&operations[i], 1}, options_)) close(touch.object);
      continue;
    }
    const std::uint64_t object = hash_object(operations[i].object);
    const Slot& slot = this->slot(object);
    if (slot.object != object || slot.open == 0 || is_taken(slot.open)) {
      set({object, receipt});
      continue;
    }
    const auto [entry, is_new] = group_of.try_emplace(slot.open, groups.size());
    if (is_new) groups.push_back({slot.open, {}});
    groups[entry->second].rows.push_back(i);
  }
  return groups;
}

Result<void> Compactor::fold(Storage& storage, const Window& window,
                             const std::vector<Operation>& operations, const Group& group,
                             std::vector<Fold>& folds) {
  auto target = row_of(storage, group.target);
  if (!target) return tl::make_unexpected(target.error());
  std::optional<Folding> folding;
  const std::size_t bytes_max = std::min(kFoldedBytesMax, options_.bytes_max);
  if (*target) folding.emplace(group.target, **target, bytes_max);
  Receipt open = group.target;
  for (const std::size_t i : group.rows) {
    const Window::Row& row = window.rows()[i];
    const auto has_dead = storage.has_dead_between(open, row.receipt);
    if (!has_dead) return tl::make_unexpected(has_dead.error());
    if (folding && !*has_dead && folding->take(row.receipt, operations[i])) continue;
    // This one starts anew: the target is gone, another object's with the same hash, or full; or a
    // person may yet retry something in between, of which it must stay the newer.
    if (folding) {
      if (auto done = folding->write(storage, folds); !done) return done;
    }
    folding.emplace(row.receipt, window.stored(row), bytes_max);
    const std::uint64_t object = hash_object(operations[i].object);
    if (slot(object).open == open) set({slot(object).object, row.receipt});
    open = row.receipt;
  }
  return folding ? folding->write(storage, folds) : Result<void>{};
}

}  // namespace flowmyna
