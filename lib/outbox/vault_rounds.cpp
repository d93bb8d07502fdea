// The vault's thread: its rounds, and what comes of errors.

#include <spdlog/spdlog.h>

#include <cassert>

#include <stdexcept>

#include "outbox/storage_check.h"
#include "outbox/vault.h"

namespace flowmyna {
namespace {

// What one round takes from writers: enough to make a sync's cost vanish, little enough that the
// transaction's pages stay in the cache and delivery's turn comes soon.
constexpr std::size_t kRoundOperations = 8192;
constexpr std::size_t kRoundBytes = 4U << 20;

// The part of a commit's time that the next one waits for writers who have just been answered, and
// the longest that it does.
constexpr int kGatherFraction = 4;
constexpr std::chrono::nanoseconds kGatherMax = std::chrono::milliseconds{2};

// How long nothing must happen before free space is given back: between the bursts of an ordinary
// day it is kept, since it would only be asked for again.
constexpr std::chrono::seconds kIdleBeforeShrinking{2};

// So many rounds in that time are a trickle: a write or two, with what delivery makes of them, and
// somebody who looks at the status. Space is given back between them as well.
constexpr std::size_t kTrickleRounds = 32;

#ifndef NDEBUG
// Operations that are looked at after each round; it has to stay a small part of what the round
// took.
constexpr std::uint64_t kCheckedMax = 200;
#endif

/// Tells people what changed, once.
void log_change(const OutboxStats& before, const OutboxStats& now) {
  if (before.state == now.state) return;
  if (now.state == OutboxState::kOk) {
    spdlog::info("outbox: accepting again");
  } else if (now.state == OutboxState::kFull) {
    spdlog::warn("outbox: {}", now.last_error);
  } else {
    spdlog::error("outbox: {}", now.last_error);
  }
}

}  // namespace

void Vault::run() {
  publish();
  for (Round round; take(round); round = {}) {
    perform(round);
    check();
  }
}

/// In debug builds: ends the process with the invariant that is broken. A large outbox is only
/// looked at for what costs nothing.
void Vault::check() {
#ifndef NDEBUG
  if (broken_) return;
  const OutboxStats stats = storage_->stats();
  const bool is_small = stats.pending() + stats.dead <= kCheckedMax;
  const Result<std::string> broken =
      is_small ? broken_invariant(*storage_) : broken_counters(stats);
  if (!broken && broken.error().kind == Error::Kind::kCorrupt) recover(broken.error());
  if (broken && !broken->empty()) {
    throw std::logic_error("the outbox is inconsistent: " + *broken);
  }
#endif
}

std::size_t Vault::writers_waiting() const {
  const std::lock_guard lock(mutex_);
  return appends_.size();
}

bool Vault::has_work() const {
  const std::lock_guard lock(mutex_);
  return stopping_ || !appends_.empty() || !writes_.empty() || !reads_.empty() || !chores_.empty();
}

/// Waits for work, or for idleness to be made use of. What has arrived at the sources is taken in
/// even if there is work already.
void Vault::wait_for_work() {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  const auto idle_at = steady_clock::now() + kIdleBeforeShrinking;
  do {
    std::optional<milliseconds> timeout = backup_due_in();
    if (may_shrink_) {
      const auto idle_in = std::chrono::ceil<milliseconds>(idle_at - steady_clock::now());
      timeout = std::min(timeout.value_or(idle_in), idle_in);
    }
    if (has_work()) {
      timeout = milliseconds{0};
    } else {
      loop_.begin_turn();
    }
    loop_.wait(timeout);
    gather();
    drop_old_backup();
  } while (!has_work() && !(may_shrink_ && steady_clock::now() >= idle_at));
}

/// Serves the sources while more writers arrive, within a fraction of the time of the last commit:
/// the more in one commit, the less each costs.
void Vault::gather() {
  const auto until =
      std::chrono::steady_clock::now() + std::min(last_commit_ / kGatherFraction, kGatherMax);
  std::size_t before = 0;
  for (std::size_t now = writers_waiting(); now > 0 && now < kRoundOperations;
       now = writers_waiting()) {
    std::chrono::nanoseconds patience{0};
    if (now == std::exchange(before, now)) {
      patience = until - std::chrono::steady_clock::now();
      if (now >= last_group_ || patience.count() <= 0) return;
    }
    loop_.look(patience);
  }
}

/// Waits for work and takes one round of it; false once stopped and empty.
bool Vault::take(Round& round) {
  wait_for_work();
  loop_.begin_turn();
  const std::lock_guard lock(mutex_);
  std::size_t operations = 0;
  std::size_t bytes = 0;
  while (!appends_.empty() && operations < kRoundOperations && bytes < kRoundBytes) {
    operations += appends_.front()->operations.size();
    bytes += appends_.front()->operations.bytes();
    round.appends.push_back(std::move(appends_.front()));
    appends_.pop_front();
  }
  round.writes.swap(writes_);
  round.reads.swap(reads_);
  if (!chores_.empty()) {
    round.chore = std::move(chores_.front());
    chores_.pop_front();
  }
  const bool is_idle = round.empty() && !stopping_;
  round.is_quiet = is_idle || only_trickles();
  return !round.empty() || is_idle;
}

/// Counts this round; once in a while, whether there were few.
bool Vault::only_trickles() {
  const auto now = std::chrono::steady_clock::now();
  ++rounds_;
  if (now - counted_since_ < kIdleBeforeShrinking) return false;
  counted_since_ = now;
  return std::exchange(rounds_, 0) <= kTrickleRounds;
}

void Vault::perform(Round& round) {
  if (broken_) recover(*broken_);
  has_kept_waiting_ = !round.writes.empty();
  if (!round.appends.empty()) {
    const auto begun = std::chrono::steady_clock::now();
    last_group_ = round.appends.size();
    accept(std::move(round.appends), round.writes);
    last_commit_ = std::chrono::steady_clock::now() - begun;
    // The answers go out before anything else that takes its time.
    const bool goes_on =
        !round.reads.empty() || round.chore || storage_->tending() != Tending::kNotWanted;
    if (goes_on) loop_.wait(std::chrono::milliseconds{0});
  }
  if (!round.writes.empty()) {
    const Result<void> applied = apply(round.writes);
    publish();
    for (const Write& write : round.writes) write.done(applied);
  }
  if (!round.reads.empty() && is_turn_of(put_off_.reads)) {
    refresh();  // what they tell of the outbox's state is of now
    for (const Read& read : round.reads) read();
    round.reads.clear();
  }
  if (round.chore && is_turn_of(put_off_.chore)) {
    const Result<void> applied = apply({*round.chore});
    publish();
    round.chore->done(applied);
    round.chore.reset();
  }
  const Tending tending = storage_->tending();
  if (tending == Tending::kNow || (tending == Tending::kSoon && is_turn_of(put_off_.tending))) {
    tend();
  }
  put_back(round);
  may_shrink_ = true;
  if (!round.is_quiet) return;
  loop_.wait(std::chrono::milliseconds{0});  // whoever was answered need not wait for it
  if (!has_work()) shrink();
}

/// Whether to do something now that keeps writers waiting. If there are any, and they have waited
/// for something else in this round, it is put off to the next one; but once only.
bool Vault::is_turn_of(bool& is_put_off) {
  if (has_kept_waiting_ && !is_put_off) {
    loop_.wait(std::chrono::milliseconds{0});
    is_put_off = writers_waiting() > 0;
  } else {
    is_put_off = false;
  }
  has_kept_waiting_ = true;
  return !is_put_off;
}

/// What was put off comes first in the next round.
void Vault::put_back(Round& round) {
  if (round.reads.empty() && !round.chore) return;
  const std::lock_guard lock(mutex_);
  reads_.insert(reads_.begin(), std::make_move_iterator(round.reads.begin()),
                std::make_move_iterator(round.reads.end()));
  if (round.chore) chores_.push_front(*std::move(round.chore));
}

void Vault::refresh() {
  if (broken_) return;
  const auto done = storage_->refresh();
  if (done) {
    publish();
  } else {
    recover(done.error());
  }
}

void Vault::tend() {
  if (broken_) return;
  if (const auto done = storage_->tend(); !done) recover(done.error());
  if (const Receipt lowest = storage_->returned(); lowest != 0 && on_returned_) {
    publish();
    on_returned_(lowest);
  }
}

/// Gives free space back, a step at a time for as long as nobody wants anything.
void Vault::shrink() {
  may_shrink_ = false;
  while (!broken_) {
    const auto shrunk = storage_->shrink();
    if (!shrunk) roll_back(shrunk.error());
    publish();
    tend();
    loop_.wait(std::chrono::milliseconds{0});
    if (!shrunk || has_work()) return;
    if (!*shrunk) break;
  }
  may_shrink_ = !broken_ && storage_->holds_past();
  on_idle_();
}

/// Commits the writers' operations together with `writes`, which are emptied when that succeeded.
void Vault::accept(Appends appends, std::vector<Write>& writes) {
  std::vector<Result<void>> admitted;
  admitted.reserve(appends.size());
  std::vector<AcceptedOperations> groups;
  groups.reserve(appends.size());
  std::uint64_t admitted_bytes = 0;
  Result<void> done = begin();
  for (std::size_t i = 0; done && i < appends.size(); ++i) {
    const EncodedOperations& operations = appends[i]->operations;
    admitted.push_back(check_fits_at_all(*storage_, operations.bytes()));
    if (admitted.back()) admitted.back() = storage_->admit(admitted_bytes + operations.bytes());
    if (admitted.back()) {
      admitted_bytes += operations.bytes();
      groups.push_back({operations, appends[i]->accepted_unix_s});
    } else if (admitted.back().error().kind == Error::Kind::kFull) {
      refused_bytes_ = operations.bytes();
    }
  }
  Receipt next = 0;
  if (done) done = storage_->append(groups).map([&next](Receipt first) { next = first; });
  for (const Write& write : writes) {
    if (done) done = write.apply(*storage_);
  }
  if (done) done = storage_->commit();
  if (!done) {
    roll_back(done.error());
    for (const auto& append : appends) append->done(tl::make_unexpected(done.error()));
    return;
  }
  assert(admitted.size() == appends.size());
  publish();
  for (std::size_t i = 0; i < appends.size(); ++i) {
    if (!admitted[i]) {
      appends[i]->done(tl::make_unexpected(admitted[i].error()));
      continue;
    }
    appends[i]->done(next);
    next += appends[i]->operations.size();
  }
  for (const Write& write : writes) write.done({});
  writes.clear();
  if (!groups.empty() && on_append_) on_append_();
}

Result<void> Vault::apply(const std::vector<Write>& writes) {
  Result<void> done = begin();
  for (const Write& write : writes) {
    if (done) done = write.apply(*storage_);
  }
  if (done) done = storage_->commit();
  if (!done) roll_back(done.error());
  return done;
}

Result<void> Vault::begin() {
  return broken_ ? tl::make_unexpected(*broken_) : storage_->begin();
}

void Vault::roll_back(const Error& error) {
  if (broken_) return;  // nothing was begun
  storage_->rollback();
  recover(error);
}

/// After an I/O error nobody can say what the last commit left on the disk, so the file is opened
/// anew and believed; unless it is damaged, then what can be read of it is. While that fails,
/// everything is refused. A full disk is no such error: what did not fit was rolled back.
void Vault::recover(const Error& error) {
  if (error.kind == Error::Kind::kFull && !broken_) {
    const auto done = storage_->give_up_reserve();
    if (!done && done.error().kind != Error::Kind::kFull) return recover(done.error());
  } else {
    const bool is_damaged = error.kind == Error::Kind::kCorrupt;
    if (!broken_) {
      spdlog::error("outbox: {}; {}", error.message,
                    is_damaged ? "setting it aside" : "opening it again");
    }
    const auto opened = is_damaged ? storage_->salvage() : storage_->reopen();
    broken_ = opened ? std::nullopt : std::optional(opened.error());
  }
  publish();
}

void Vault::publish() {
  OutboxStats stats = storage_->stats();
  const auto admitted = broken_ ? tl::make_unexpected(*broken_) : storage_->admit(refused_bytes_);
  if (admitted) {
    refused_bytes_ = 0;
  } else {
    const bool is_full = admitted.error().kind == Error::Kind::kFull;
    stats.state = is_full ? OutboxState::kFull : OutboxState::kFailed;
    stats.last_error = admitted.error().message;
  }
  const std::lock_guard lock(mutex_);
  log_change(stats_, stats);
  stats_ = std::move(stats);
}

}  // namespace flowmyna
