// The foreman's looks at the backlog (look.h): when a second one begins, when it becomes the first,
// and what becomes of the plan meanwhile.
//
// While nothing was passed over, making the plan anew is to read it again together with what has
// come since, so that it can merge. Otherwise the looks go on, and what has to wait gives up its
// place in the plan for what is free to go.

#include <algorithm>
#include <utility>

#include "delivery/foreman.h"

namespace flowmyna {
namespace {

// How long what was passed over is left alone at least, and as a multiple of what looking costs.
constexpr std::chrono::seconds kLookAgain{1};
constexpr int kLookAgainFactor = 10;

// The items of a plan, sent ones included, as a multiple of a window.
constexpr std::size_t kItemsFactor = 4;

}  // namespace

/// When what was passed over should be looked at again, or the plan has grown old.
std::optional<BootTime> Foreman::look_again_due() const {
  if (reading_ || compacting_) return std::nullopt;
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

void Foreman::look_again(BootTime at) {
  const auto due = look_again_due();
  if (!due || *due > at) return;
  if (!look_.has_passed_over()) return forget_plan(0);
  pass_over(give_up_places(kept_in_plan()));
}

/// What waits for what has changed: what has to wait gives up its place in the plan, and with it
/// all but so many operations of what could go, the oldest.
void Foreman::plan_anew(std::size_t operations_kept) {
  if (!look_.has_passed_over()) return forget_plan(0);
  if (const auto given_up = give_up_places(operations_kept); !given_up.empty()) pass_over(given_up);
}

/// The same when a request is settled, and operations of it return to the backlog, or it goes on in
/// parts.
void Foreman::replan_after(const SealedRequest& request) {
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
std::size_t Foreman::kept_in_plan() const {
  return options_.window_operations / 2;
}

std::vector<Schedule::GivenUp> Foreman::give_up_places(std::size_t operations_kept) {
  const BootTime at = now();
  Schedule::Keep keep;
  keep.operations_max = operations_kept;
  for (const Kind kind : kAllKinds) keep.kinds[index_of(kind)] = allowance(kind, at) > 0;
  return schedule_.keep_ready(keep, options_.plan);
}

/// From now on these wait among what was passed over, some of which may go.
void Foreman::pass_over(const std::vector<Schedule::GivenUp>& given_up) {
  leave_ended_look();
  // What lies behind the look will be read, unless a read under way leaves it out.
  const bool is_read_without = reading_ && !reading_->is_second && !reading_->is_stale;
  for (const Schedule::GivenUp& item : given_up) {
    if (item.lowest > look_.cursor && !is_read_without) continue;
    look_.behind.defer(item.touches, item.lowest);
  }
  begin_second_look();
}

void Foreman::begin_second_look() {
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
void Foreman::leave_ended_look() {
  if (second_look_ && look_.has_ended()) second_becomes_first();
}

void Foreman::second_becomes_first() {
  if (reading_) reading_->is_stale = true;
  look_ = *std::exchange(second_look_, std::nullopt);
  loaded_operations_ = schedule_.operations();
}

/// Whether what failed has given way for long enough: to a look that began after it, or to one that
/// has passed over nothing which may go since. What is looked at in vain would be so again.
void Foreman::note_looked(bool is_in_vain) {
  for (Endpoint& its : endpoints_) {
    if (!its.giving_way) continue;
    const bool is_of_now = !second_look_ || look_.began_at >= its.giving_way->since;
    its.giving_way->is_over |= is_in_vain || (is_of_now && look_.cursor >= its.giving_way->through);
  }
}

void Foreman::returned(Receipt lowest) {
  hold_.end();
  forget_plan(lowest);
  pace_.start_anew();
}

/// Forgets the plan and both looks; whatever was in it or passed over, and operations from
/// `lowest_returned` on (0: none), will be read again.
void Foreman::forget_plan(Receipt lowest_returned) {
  Receipt cursor = look_.cursor;
  for (const Receipt lowest : {schedule_.lowest(), look_.lowest(), lowest_returned}) {
    if (lowest != 0) cursor = std::min(cursor, lowest - 1);
  }
  // A read under way was told to leave out what returns, or begins behind what was forgotten.
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

}  // namespace flowmyna
