// When the reader reads, and what it plans of that. What it passes over is in backlog_looks.cpp.

#include "delivery/backlog_reader.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

namespace flowmyna {
namespace {

// What the plan may hold while what comes after it is read, as a multiple of a window.
constexpr std::size_t kPlannedFactor = 2;

}  // namespace

BacklogReader::BacklogReader(const ForemanOptions& options, const Sides& sides)
    : options_(options),
      backlog_(sides.backlog),
      clock_(sides.clock),
      post_(sides.post),
      storage_retry_(sides.storage_retry),
      compaction_(sides.compaction),
      requests_(sides.requests),
      waiters_(sides.waiters),
      schedule_(sides.schedule),
      sender_(sides.sender) {}

/// Whether what is planned stays as it is when more is read: a full window has no room for more
/// until half of it has left, and what was passed over in it would be read again and again.
bool BacklogReader::must_go_on() const {
  if (look_.has_passed_over()) return true;
  return full_window_ > 0 && schedule_.operations() > full_window_ / 2;
}

/// The plan holds as many operations as so many windows.
bool BacklogReader::is_planned(std::size_t windows) const {
  return schedule_.operations() >= windows * options_.window_operations;
}

std::size_t BacklogReader::ready_requests(BootTime at) const {
  std::size_t count = 0;
  for (const Kind kind : kAllKinds) {
    if (allowance(kind, at) == 0) continue;
    count += (schedule_.ready(kind) + options_.plan.items_max - 1) / options_.plan.items_max;
  }
  return count;
}

bool BacklogReader::has_unread() const {
  return second_look_ || backlog_.stats().last_receipt > look_.cursor;
}

bool BacklogReader::is_put_off() const {
  return has_unread() && (compaction_.is_under_way() || sender_.is_clock_due() || is_building());
}

bool BacklogReader::is_building() const {
  return std::ranges::any_of(requests_,
                             [](const auto& entry) { return !entry.second.knows_touches; });
}

Receipt BacklogReader::read_from() const {
  if (!unread_since_) return 0;
  return look_.cursor + std::max(options_.plan.items_max, schedule_.operations());
}

void BacklogReader::hurry_through(Receipt receipt) {
  flush_through_ = std::max(flush_through_, receipt);
}

std::optional<BootTime> BacklogReader::read_due(BootTime at) const {
  if (second_is_due(at)) return storage_retry_.at();
  return first_due(at);
}

/// What is read now can be planned, and could leave.
bool BacklogReader::can_read(BootTime at) const {
  if (reading_ || !has_unread() || is_put_off() || !sender_.allows_any(at)) return false;
  return !must_go_on() || !is_planned(kPlannedFactor);
}

/// A look goes on until it has found something to do; what is younger does not count.
bool BacklogReader::has_found(const Look& look, BootTime at) const {
  return std::ranges::any_of(kAllKinds, [&](Kind kind) {
    const Receipt oldest = schedule_.oldest_ready(kind);
    return oldest != 0 && oldest <= look.cursor && allowance(kind, at) > 0;
  });
}

bool BacklogReader::second_is_due(BootTime at) const {
  return second_look_ && !second_look_->is_full() && can_read(at) && !has_found(*second_look_, at);
}

std::optional<BootTime> BacklogReader::first_due(BootTime at) const {
  const Receipt accepted = backlog_.stats().last_receipt;
  if (accepted <= look_.cursor || look_.is_full() || !can_read(at)) return std::nullopt;
  const bool goes_on = must_go_on();
  const bool has_enough =
      goes_on ? has_found(look_, at) : ready_requests(at) >= options_.in_flight_max;
  if (has_enough) return std::nullopt;
  // What is planned but blocked is planned again with the rest. So that this stays linear, either
  // as much has come as was planned, or some time has passed.
  const std::size_t again = goes_on ? 0 : schedule_.operations();
  const std::uint64_t unread = accepted - look_.cursor;
  BootTime due = storage_retry_.at();
  const bool hurried = look_.cursor < flush_through_;
  if (!hurried && unread < std::max(options_.plan.items_max, again)) {
    due = std::max(due, unread_since_.value_or(at) + options_.linger);
    if (again > 0) due = std::max(due, planned_at_ + options_.linger);
  }
  return due;
}

void BacklogReader::read_more(BootTime at) {
  if (backlog_.stats().last_receipt > look_.cursor && !unread_since_) unread_since_ = at;
  const auto first = first_due(at);
  const bool first_is_due = first && *first <= at;
  const bool second_is_due = this->second_is_due(at) && storage_retry_.at() <= at;
  if (!first_is_due && !second_is_due) return;
  Read read;
  read.is_second = second_is_due && (!first_is_due || !second_had_turn_);
  second_had_turn_ = read.is_second;
  read.goes_on = must_go_on();
  read.begun_at = at;
  read.after = read.is_second ? second_look_->cursor : look_.cursor;
  const Receipt lowest = schedule_.lowest();
  if (!read.goes_on && lowest != 0) read.after = std::min(read.after, lowest - 1);
  begin_read(read);
}

void BacklogReader::begin_read(const Read& read) {
  assert(!reading_ && !compaction_.is_under_way());
  reading_ = read;
  ReadLimits limits;
  limits.after = read.after;
  limits.operations_max = options_.window_operations;
  limits.bytes_max = options_.window_bytes;
  limits.skip = taken_after(limits.after, read.goes_on);
  const Receipt accepted_before = backlog_.stats().last_receipt;
  backlog_.read(std::move(limits), [this, accepted_before](Result<Window> window) {
    auto shared = std::make_shared<Result<Window>>(std::move(window));
    post_([this, accepted_before, shared] { on_read(std::move(*shared), accepted_before); });
  });
}

void BacklogReader::on_read(Result<Window> window, Receipt accepted_before) {
  const Read read = *std::exchange(reading_, std::nullopt);
  if (read.is_stale) return;
  if (window) {
    on_window(read, *std::move(window), accepted_before);
  } else {
    storage_retry_.refused("read the backlog", window.error());
  }
}

void BacklogReader::on_window(const Read& read, Window window, Receipt accepted_before) {
  Look& look = read.is_second ? *second_look_ : look_;
  const Receipt last = window.empty() ? 0 : window.rows().back().receipt;
  Receipt read_through = window.more ? last : std::max(last, accepted_before);
  const std::size_t full_window = window.more ? window.size() : 0;
  auto batch = Batch::read(std::move(window));
  if (batch && needs_sifting(now())) batch = sift(look, read, *std::move(batch), read_through);
  if (!batch) {
    storage_retry_.refused("read the backlog", batch.error());
    return;
  }
  add_to_plan(read, *std::move(batch));
  if (read.goes_on) {
    look.took += now() - read.begun_at;
  } else {
    full_window_ = full_window;
    loaded_operations_ = 0;
  }
  if (read.is_second || !read.goes_on) {
    loaded_operations_ = std::max(loaded_operations_, schedule_.operations());
  }
  note_read(read.is_second, read_through);
  if (look_.cursor >= accepted_before) unread_since_.reset();
  planned_at_ = now();
}

void BacklogReader::add_to_plan(const Read& read, std::shared_ptr<const Batch> batch) {
  // Before there is another plan, since the old one is what memory goes to.
  if (!read.goes_on || schedule_.operations() == 0) schedule_.clear();
  auto planned =
      plan(batch->operations, outstanding(read.goes_on), options_.plan, groups_of(batch->window));
  schedule_.add(std::move(batch), std::move(planned));
}

/// A look has come so far.
void BacklogReader::note_read(bool is_second, Receipt read_through) {
  const Receipt before =
      std::exchange(is_second ? second_look_->cursor : look_.cursor, read_through);
  if (second_look_ && second_look_->cursor >= look_.cursor) second_becomes_first();
  sender_.looked(read_through <= before);
}

/// For the planner: whose events may travel together. Empty while nobody waits.
std::vector<std::uint64_t> BacklogReader::groups_of(const Window& window) const {
  std::vector<std::uint64_t> groups;
  if (waiters_.empty()) return groups;
  groups.reserve(window.size());
  for (const Window::Row& row : window.rows()) groups.push_back(waiters_.group_of(row.receipt));
  return groups;
}

/// What a plan has to be made around.
std::vector<OutstandingRequest> BacklogReader::outstanding(bool with_planned) const {
  std::vector<OutstandingRequest> out;
  if (with_planned) out = schedule_.untaken(options_.plan);
  out.reserve(out.size() + requests_.size());
  for (const auto& [id, request] : requests_) out.push_back({id, request.items.touches()});
  return out;
}

/// The operations that are in requests, and perhaps those that are planned, ascending.
std::vector<Receipt> BacklogReader::taken_after(Receipt receipt, bool with_planned) const {
  std::vector<Receipt> taken;
  if (with_planned) schedule_.append_receipts(taken);
  append_receipts(requests_, taken);
  std::erase_if(taken, [receipt](Receipt member) { return member <= receipt; });
  std::ranges::sort(taken);
  return taken;
}

}  // namespace flowmyna
