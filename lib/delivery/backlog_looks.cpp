// The reader's looks at the backlog (look.h): what they pass over, when a second one begins, when
// it becomes the first, and what becomes of the plan meanwhile.
//
// While nothing was passed over, making the plan anew is to read it again together with what has
// come since, so that it can merge. Otherwise the looks go on, and what has to wait gives up its
// place in the plan for what is free to go.

#include <algorithm>
#include <utility>

#include "delivery/backlog_reader.h"

namespace flowmyna {
namespace {

// How long what was passed over is left alone at least, and as a multiple of what looking costs.
constexpr std::chrono::seconds kLookAgain{1};
constexpr int kLookAgainFactor = 10;

// The items of a plan, sent ones included, as a multiple of a window.
constexpr std::size_t kItemsFactor = 4;

}  // namespace

bool BacklogReader::needs_sifting(BootTime at) const {
  if (must_go_on()) return true;
  const auto is_closed = [&](Kind kind) { return allowance(kind, at) == 0; };
  return std::ranges::any_of(kAllKinds, is_closed) ||
         std::ranges::any_of(requests_,
                             [](const auto& entry) { return entry.second.is_failing(); });
}

/// Leaves out of what was read what has to wait for something that takes its time.
Result<std::shared_ptr<const Batch>> BacklogReader::sift(Look& look, const Read& read,
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

/// What a look has to pass over from now on: what waits for what fails, and where it goes on after
/// a plan, what waits for something there. Where that holds a window already, nothing that waits
/// for anything finds a place in it: so there is always room for what is free to go.
void BacklogReader::block(Look& look, const Read& read) const {
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

std::optional<BootTime> BacklogReader::look_again_due() const {
  if (reading_ || compaction_.is_under_way()) return std::nullopt;
  const BootTime at = now();
  const auto has_opened = [&](Kind kind) {
    return were_closed_[index_of(kind)] && allowance(kind, at) > 0;
  };
  if (look_.held.lowest() != 0 && (held_may_go_ || std::ranges::any_of(kAllKinds, has_opened))) {
    return at;
  }
  if (schedule_.items() > kItemsFactor * options_.window_operations) return at;
  const Look& look = second_look_ ? *second_look_ : look_;
  if (look.behind.lowest() == 0) return std::nullopt;
  if (schedule_.operations() <= loaded_operations_ / 2) return at;
  return look.passed_over_since + std::max<BootTime>(kLookAgain, kLookAgainFactor * look.took);
}

void BacklogReader::look_again(BootTime at) {
  const auto due = look_again_due();
  if (!due || *due > at) return;
  if (!look_.has_passed_over()) return forget_plan(0);
  pass_over(give_up_places(kept_in_plan()));
}

void BacklogReader::plan_anew(std::size_t operations_kept) {
  if (!look_.has_passed_over()) return forget_plan(0);
  if (const auto given_up = give_up_places(operations_kept); !given_up.empty()) pass_over(given_up);
}

void BacklogReader::replan_after(const SealedRequest& request) {
  if (!look_.has_passed_over()) return forget_plan(request.released);
  auto given_up = give_up_places(kept_in_plan());
  if (request.released != 0) {
    given_up.push_back({request.released, request.items.touches()});
    // A read under way was told to leave out what returns.
    if (reading_) reading_->is_stale = true;
  }
  if (!given_up.empty()) pass_over(given_up);
}

/// Half of a window at most is kept, which leaves room for as much as the looks find.
std::size_t BacklogReader::kept_in_plan() const {
  return options_.window_operations / 2;
}

std::vector<Schedule::GivenUp> BacklogReader::give_up_places(std::size_t operations_kept) {
  const BootTime at = now();
  Schedule::Keep keep;
  keep.operations_max = operations_kept;
  for (const Kind kind : kAllKinds) keep.kinds[index_of(kind)] = allowance(kind, at) > 0;
  return schedule_.keep_ready(keep, options_.plan);
}

/// From now on these wait among what was passed over, some of which may go.
void BacklogReader::pass_over(const std::vector<Schedule::GivenUp>& given_up) {
  leave_ended_look();
  // What comes after the look's cursor will be read, unless a read under way leaves it out.
  const bool is_read_without = reading_ && !reading_->is_second && !reading_->is_stale;
  for (const Schedule::GivenUp& item : given_up) {
    if (item.lowest > look_.cursor && !is_read_without) continue;
    look_.behind.defer(item.touches, item.lowest);
  }
  begin_second_look();
}

void BacklogReader::begin_second_look() {
  if (!look_.has_passed_over()) return forget_plan(0);
  held_may_go_ = false;
  were_closed_ = {};
  full_window_ = 0;
  if (reading_ && reading_->is_second) reading_->is_stale = true;
  second_look_.emplace();
  second_look_->cursor = std::min(look_.lowest() - 1, look_.cursor);
  second_look_->through = backlog_.stats().last_receipt;
  second_look_->began_at = now();
  loaded_operations_ = schedule_.operations();
}

/// Before the second look would begin anew: it is time to go on with that as the first.
void BacklogReader::leave_ended_look() {
  if (second_look_ && look_.has_ended()) second_becomes_first();
}

void BacklogReader::second_becomes_first() {
  if (reading_) reading_->is_stale = true;
  look_ = *std::exchange(second_look_, std::nullopt);
  loaded_operations_ = schedule_.operations();
}

bool BacklogReader::has_looked(Receipt through, BootTime since) const {
  const bool is_of_now = !second_look_ || look_.began_at >= since;
  return is_of_now && look_.cursor >= through;
}

void BacklogReader::forget_plan(Receipt lowest_returned) {
  Receipt cursor = look_.cursor;
  for (const Receipt lowest : {schedule_.lowest(), look_.lowest(), lowest_returned}) {
    if (lowest != 0) cursor = std::min(cursor, lowest - 1);
  }
  // A read under way was told to leave out what returns, or begins after what was forgotten.
  if (reading_ && (lowest_returned != 0 || cursor < reading_->after || reading_->is_second)) {
    reading_->is_stale = true;
  }
  schedule_.clear();
  look_ = Look();
  look_.cursor = cursor;
  look_.through = backlog_.stats().last_receipt;
  look_.began_at = now();
  second_look_.reset();
  held_may_go_ = false;
  were_closed_ = {};
  full_window_ = loaded_operations_ = 0;
}

std::string BacklogReader::broken_invariant() const {
  if (second_look_ && second_look_->cursor >= look_.cursor) {
    return "the second look has overtaken the first";
  }
  return schedule_.broken_invariant([this](RequestId id) { return requests_.contains(id); });
}

}  // namespace flowmyna
