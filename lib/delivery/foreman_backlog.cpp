// The foreman's first part: what it reads of the backlog, and plans of that.
//
// What is planned and has not left is planned again together with what has come since, so that it
// can merge. Where a plan is full of what has to wait, or something had to be passed over, reading
// goes on behind it instead: what conflicts with what waits is passed over, the rest is added to
// the plan (look.h). What was passed over is looked at again when what it waits for has ended, and
// where it waits for the plan itself, from time to time; never so often that looking takes more
// than a small part of the time.

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "delivery/foreman.h"

namespace flowmyna {
namespace {

// What the plan may hold while reading goes on behind it, as a multiple of a window.
constexpr std::size_t kPlannedFactor = 2;

}  // namespace

/// Whether what is planned stays as it is when more is read: a full window has no room for more
/// until half of it has left, and what was passed over in it would be read again and again.
bool Foreman::must_go_on() const {
  if (look_.has_passed_over()) return true;
  return full_window_ > 0 && schedule_.operations() > full_window_ / 2;
}

/// The plan holds as many operations as so many windows.
bool Foreman::is_planned(std::size_t windows) const {
  return schedule_.operations() >= windows * options_.window_operations;
}

/// Requests that could be made of what is planned.
std::size_t Foreman::ready_requests(BootTime at) const {
  std::size_t count = 0;
  for (const Kind kind : kAllKinds) {
    if (allowance(kind, at) == 0) continue;
    count += (schedule_.ready(kind) + options_.plan.items_max - 1) / options_.plan.items_max;
  }
  return count;
}

/// There is something that a look has not come to yet.
bool Foreman::has_unread() const {
  return second_look_ || backlog_.stats().last_receipt > look_.cursor;
}

/// Something is under way, for a moment, that changes what would be read, or what it is planned
/// around.
bool Foreman::is_read_put_off() const {
  return has_unread() && (compacting_ || clock_is_due_ || is_building());
}

/// When the next window is due; nothing while there is nothing to read, or no use for it.
std::optional<BootTime> Foreman::read_due(BootTime at) const {
  if (second_is_due(at)) return storage_retry_at_;
  return first_due(at);
}

/// What is read now can be planned, and could leave.
bool Foreman::can_read(BootTime at) const {
  if (reading_ || !has_unread() || is_read_put_off() || !allows_any(at)) return false;
  return !must_go_on() || !is_planned(kPlannedFactor);
}

/// A look goes on until it has found something to do; what is younger does not count.
bool Foreman::has_found(const Look& look, BootTime at) const {
  return std::ranges::any_of(kAllKinds, [&](Kind kind) {
    const Receipt oldest = schedule_.oldest_ready(kind);
    return oldest != 0 && oldest <= look.cursor && allowance(kind, at) > 0;
  });
}

bool Foreman::second_is_due(BootTime at) const {
  return second_look_ && !second_look_->is_full() && can_read(at) && !has_found(*second_look_, at);
}

std::optional<BootTime> Foreman::first_due(BootTime at) const {
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
  BootTime due = storage_retry_at_;
  const bool hurried = look_.cursor < flush_through_;
  if (!hurried && unread < std::max(options_.plan.items_max, again)) {
    due = std::max(due, unread_since_.value_or(at) + options_.linger);
    if (again > 0) due = std::max(due, planned_at_ + options_.linger);
  }
  return due;
}

void Foreman::read_more(BootTime at) {
  if (backlog_.stats().last_receipt > look_.cursor && !unread_since_) unread_since_ = at;
  const auto first = first_due(at);
  const bool first_is_due = first && *first <= at;
  const bool second_is_due = this->second_is_due(at) && storage_retry_at_ <= at;
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

void Foreman::begin_read(const Read& read) {
  reading_ = read;
  ReadLimits limits;
  limits.after = read.after;
  limits.operations_max = options_.window_operations;
  limits.bytes_max = options_.window_bytes;
  limits.skip = taken_after(limits.after, read.goes_on);
  const Receipt accepted_before = backlog_.stats().last_receipt;
  backlog_.read(std::move(limits), [this, accepted_before](Result<Window> window) {
    auto shared = std::make_shared<Result<Window>>(std::move(window));
    post_([this, accepted_before, shared] {
      const Read begun = *std::exchange(reading_, std::nullopt);
      if (begun.is_stale) return;
      if (*shared) {
        on_window(begun, std::move(**shared), accepted_before);
      } else {
        outbox_refused("read the backlog", shared->error());
      }
    });
  });
}

void Foreman::on_window(const Read& read, Window window, Receipt accepted_before) {
  Look& look = read.is_second ? *second_look_ : look_;
  const Receipt last = window.empty() ? 0 : window.rows().back().receipt;
  Receipt read_through = window.more ? last : std::max(last, accepted_before);
  const std::size_t full_window = window.more ? window.size() : 0;
  auto batch = Batch::read(std::move(window));
  if (batch && needs_sifting(now())) batch = sift(look, read, *std::move(batch), read_through);
  if (!batch) {
    outbox_refused("read the backlog", batch.error());
    return;
  }
  // Before there is another plan, since the old one is what memory goes to.
  if (!read.goes_on || schedule_.operations() == 0) schedule_.clear();
  auto planned = plan((*batch)->operations, outstanding(read.goes_on), options_.plan,
                      groups_of((*batch)->window));
  schedule_.add(*std::move(batch), std::move(planned));
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

/// A look has come so far.
void Foreman::note_read(bool is_second, Receipt read_through) {
  const Receipt before =
      std::exchange(is_second ? second_look_->cursor : look_.cursor, read_through);
  if (second_look_ && second_look_->cursor >= look_.cursor) second_becomes_first();
  note_looked(read_through <= before);
}

/// What a plan has to be made around.
std::vector<OutstandingRequest> Foreman::outstanding(bool with_planned) const {
  std::vector<OutstandingRequest> out;
  if (with_planned) out = schedule_.untaken(options_.plan);
  out.reserve(out.size() + requests_.size());
  for (const auto& [id, request] : requests_) out.push_back({id, request.items.touches()});
  return out;
}

bool Foreman::needs_sifting(BootTime at) const {
  if (must_go_on()) return true;
  const auto is_closed = [&](Kind kind) { return allowance(kind, at) == 0; };
  return std::ranges::any_of(kAllKinds, is_closed) ||
         std::ranges::any_of(requests_,
                             [](const auto& entry) { return entry.second.is_failing(); });
}

/// Leaves out of what was read what has to wait for something that takes its time.
Result<std::shared_ptr<const Batch>> Foreman::sift(Look& look, const Read& read,
                                                   std::shared_ptr<const Batch> batch,
                                                   Receipt& read_through) {
  const BootTime at = now();
  block(look, read);
  Window kept;
  std::vector<Touch> touches;
  for (std::size_t i = 0; i < batch->operations.size(); ++i) {
    const Operation& operation = batch->operations[i];
    const Window::Row& row = batch->window.rows()[i];
    touches.clear();
    append_touches(touches, operation, options_.plan);
    const bool is_closed = allowance(operation.kind, at) == 0;
    const bool waits_for_failing = look.held.blocks(touches, row.receipt);
    const bool is_held = is_closed || waits_for_failing;
    if (!is_held && !look.behind.blocks(touches, row.receipt)) {
      kept.add(row.receipt, row.accepted_unix_s, batch->window.stored(row));
      continue;
    }
    Deferral& deferral = is_held ? look.held : look.behind;
    if (deferral.is_full()) {
      read_through = row.receipt - 1;
      break;
    }
    if (!look.has_passed_over()) look.passed_over_since = at;
    deferral.defer(touches, row.receipt);
    were_closed_[index_of(operation.kind)] |= is_closed && !waits_for_failing;
  }
  if (kept.size() == batch->window.size()) return batch;
  return Batch::read(std::move(kept));
}

/// What a look has to pass over from now on: what waits for what fails, and behind a plan, what
/// waits for something there. Where that holds a window already, nothing that waits for anything
/// finds a place in it: so there is always room for what is free to go.
void Foreman::block(Look& look, const Read& read) const {
  if (look.held.lowest() == 0) look.held.clear();
  for (const auto& [id, request] : requests_) {
    if (request.is_failing()) look.held.block(request.items.touches());
  }
  if (!read.goes_on) return;
  if (look.behind.lowest() == 0) look.behind.clear();
  look.behind.block(schedule_.blocked_touches(options_.plan));
  if (!is_planned(1) && schedule_.bytes() < options_.window_bytes) return;
  for (const OutstandingRequest& waited_for : outstanding(true)) {
    look.behind.block(waited_for.touches);
  }
}

/// The operations that are in requests, and perhaps those that are planned, ascending.
std::vector<Receipt> Foreman::taken_after(Receipt receipt, bool with_planned) const {
  std::vector<Receipt> taken;
  if (with_planned) schedule_.append_receipts(taken);
  for (const auto& [id, request] : requests_) {
    for (const ItemMembers& item : request.items.members()) {
      std::ranges::copy(item, std::back_inserter(taken));
    }
  }
  std::erase_if(taken, [receipt](Receipt member) { return member <= receipt; });
  std::ranges::sort(taken);
  return taken;
}

}  // namespace flowmyna
