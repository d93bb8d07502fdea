#include "simulated_outbox.h"

#include <algorithm>
#include <memory>

#include "outbox/storage_check.h"
#include "outbox_text.h"

namespace flowmyna::simulation {
namespace {

const Error kFailed{Error::Kind::kIo, "the disk failed"};

constexpr std::uint64_t kCommitsPerCheck = 16;

}  // namespace

void SimulatedOutbox::append(std::unique_ptr<WriterAppend> operations) {
  queued_.appends.push_back(std::move(operations));
  begin_round();
}

void SimulatedOutbox::read(ReadLimits limits, Done<Window> done) {
  queued_.reads.push_back([this, limits = std::move(limits), done = std::move(done)] {
    done(around_.storage.read(limits));
  });
  begin_round();
}

void SimulatedOutbox::fetch(std::vector<Receipt> receipts, Done<Window> done) {
  queued_.reads.push_back([this, receipts = std::move(receipts), done = std::move(done)] {
    done(around_.storage.fetch(receipts));
  });
  begin_round();
}

void SimulatedOutbox::state(Receipt receipt, Done<ReceiptState> done) {
  queued_.reads.push_back(
      [this, receipt, done = std::move(done)] { done(around_.storage.state(receipt)); });
  begin_round();
}

void SimulatedOutbox::seals(Done<std::vector<Seal>> done) {
  queued_.reads.push_back([this, done = std::move(done)] { done(around_.storage.seals()); });
  begin_round();
}

void SimulatedOutbox::seal(std::vector<Seal> seals, Done<void> done) {
  around_.ledger.dispatching(seals);
  for (const Seal& seal : seals) around_.ledger.is_being_sealed(seal, around_.queue.clock());
  queued_.writes.push_back({std::move(seals), {}, nullptr, std::move(done), {}});
  begin_round();
}

void SimulatedOutbox::settle(std::vector<Settlement> settlements, Done<void> done) {
  queued_.writes.push_back({{}, std::move(settlements), nullptr, std::move(done), {}});
  begin_round();
}

void SimulatedOutbox::correct_clock(ClockCorrection correction, Done<void> done) {
  queued_.writes.push_back({{}, {}, nullptr, std::move(done), correction});
  begin_round();
}

void SimulatedOutbox::dead_letters(LetterLimits limits, Done<DeadLetters> done) {
  queued_.reads.push_back(
      [this, limits, done = std::move(done)] { done(around_.storage.dead_letters(limits)); });
  begin_round();
}

void SimulatedOutbox::dead_letter_of(Receipt receipt, Done<std::optional<DeadLetter>> done) {
  queued_.reads.push_back(
      [this, receipt, done = std::move(done)] { done(around_.storage.dead_letter_of(receipt)); });
  begin_round();
}

void SimulatedOutbox::retry_dead_letters(LetterLimits limits, Done<RetriedLetters> done) {
  auto change = std::make_shared<LetterChange>();
  change->limits = limits;
  queued_.writes.push_back(
      {{}, {}, change, [change, done = std::move(done)](const Result<void>& written) {
         done(written ? Result<RetriedLetters>(change->retried)
                      : tl::make_unexpected(written.error()));
       }});
  begin_round();
}

void SimulatedOutbox::drop_dead_letters(LetterLimits limits, Done<DeadLetters> done) {
  auto change = std::make_shared<LetterChange>();
  change->drops = true;
  change->limits = limits;
  queued_.writes.push_back(
      {{}, {}, change, [change, done = std::move(done)](const Result<void>& written) {
         done(written ? Result<DeadLetters>(change->taken) : tl::make_unexpected(written.error()));
       }});
  begin_round();
}

/// Of pending operations; what a request holds the foreman gives up by settling that.
void SimulatedOutbox::give_up(GiveUp what, Done<std::uint64_t> done) {
  auto given_up = std::make_shared<GivenUp>(GivenUp{std::move(what.receipts)});
  queued_.writes.push_back({{},
                            {},
                            nullptr,
                            [given_up, done = std::move(done)](const Result<void>& written) {
                              done(written ? Result<std::uint64_t>(given_up->receipts.size())
                                           : tl::make_unexpected(written.error()));
                            },
                            {},
                            given_up});
  begin_round();
}

Result<void> SimulatedOutbox::apply(GivenUp& given_up, MemoryStorage& storage) {
  std::erase_if(given_up.receipts,
                [&](Receipt receipt) { return !storage.fetch({receipt}).has_value(); });
  return storage.give_up(given_up.receipts).map([](std::uint64_t) {});
}

Result<void> SimulatedOutbox::apply(LetterChange& change, MemoryStorage& storage) {
  change.taken = storage.dead_letters(change.limits).value();
  if (change.drops) return storage.drop_dead_letters(change.limits).map([](const DeadLetters&) {});
  compactor_.reset();
  return storage.retry_dead_letters(change.limits).map([&](const RetriedLetters& retried) {
    change.retried = retried;
  });
}

void SimulatedOutbox::compact(CompactLimits limits, Done<Compacted> done) {
  queued_.reads.push_back([this, limits = std::move(limits), done = std::move(done)] {
    done(compact(limits));
    stats_ = around_.storage.stats();
  });
  begin_round();
}

/// A chore: a transaction of its own, which may fail like any other.
Result<Compacted> SimulatedOutbox::compact(const CompactLimits& limits) {
  MemoryStorage& storage = around_.storage;
  Result<void> done = storage.begin();
  auto step = compactor_.step(storage, limits);
  const bool fails = around_.has_faults() && around_.chance.one_in(options_.commit_failure);
  const bool is_kept = !fails || around_.chance.one_in(options_.failed_but_kept);
  if (!step || !is_kept) {
    storage.rollback();
    compactor_.revert();
    return step ? tl::make_unexpected(kFailed) : step;
  }
  done = storage.commit();
  for (const Fold& fold : step->folds) {
    around_.ledger.folded(fold);
    around_.trace.note([&] {
      return "outbox: folded into " + std::to_string(fold.into) + ": " + list(fold.members);
    });
  }
  if (!fails) return step;
  compactor_.revert();
  return tl::make_unexpected(kFailed);
}

/// Unless one is under way: then what is queued is the next one.
void SimulatedOutbox::begin_round() {
  if (is_busy_) return;
  is_busy_ = true;
  auto time = around_.chance.between(options_.sync_min, options_.sync_max);
  if (around_.chance.one_in(options_.slow_sync)) time *= 100;
  auto round = std::make_shared<Round>();
  // The round takes what is there when the outbox's thread wakes up, which is not at once.
  around_.queue.after(std::chrono::milliseconds(0),
                      lifetime_.guard([this, round] { *round = std::exchange(queued_, {}); }));
  around_.queue.after(time, lifetime_.guard([this, round] {
    if (round->empty()) *round = std::exchange(queued_, {});
    perform(std::move(*round));
  }));
}

void SimulatedOutbox::perform(Round round) {
  const bool has_writes = !round.appends.empty() || !round.writes.empty();
  Committed committed = has_writes ? commit(round, true) : Committed::kYes;
  if (!answer_writers(round, committed)) return;  // crashed
  if (committed == Committed::kNo && !round.writes.empty()) committed = commit(round, false);
  const bool is_done = committed == Committed::kYes;
  for (const Write& write : round.writes) {
    write.done(is_done ? Result<void>{} : tl::make_unexpected(kFailed));
  }
  for (const auto& read : round.reads) read();
  is_busy_ = false;
  if (!queued_.empty()) begin_round();
}

SimulatedOutbox::Committed SimulatedOutbox::commit(const Round& round, bool with_appends) {
  MemoryStorage& storage = around_.storage;
  receipts_.clear();
  Result<void> done = storage.begin();
  if (with_appends) {
    for (const auto& append : round.appends) {
      if (auto admitted = storage.admit(append->operations.bytes()); !admitted) {
        receipts_.push_back(tl::make_unexpected(admitted.error()));
      } else {
        receipts_.push_back(storage.append(append->operations, append->accepted_unix_s));
      }
    }
  }
  for (const Write& write : round.writes) {
    if (done) done = apply(write, storage);
  }
  const bool fails = around_.has_faults() && around_.chance.one_in(options_.commit_failure);
  const bool settles =
      std::ranges::any_of(round.writes, [](const Write& w) { return !w.settlements.empty(); });
  const bool is_kept = !fails || (!settles && around_.chance.one_in(options_.failed_but_kept));
  if (fails) {
    around_.trace.note([is_kept] {
      return std::string("outbox: a commit fails") + (is_kept ? ", but is on the disk" : "");
    });
  }
  if (!is_kept) {
    storage.rollback();
    return Committed::kNo;
  }
  done = done ? storage.commit() : done;
  enter_in_ledger(round, with_appends);
  stats_ = storage.stats();
  check();
  return fails ? Committed::kUnsaid : Committed::kYes;
}

/// What is stored must always be consistent; to look at all of it after each commit would take most
/// of the time.
void SimulatedOutbox::check() {
  const bool is_thorough = ++commits_ % kCommitsPerCheck == 0;
  const std::string broken =
      is_thorough ? broken_invariant(around_.storage).value() : broken_counters(stats_);
  around_.findings.expect(broken.empty(), [&] { return "the outbox is inconsistent: " + broken; });
}

Result<void> SimulatedOutbox::apply(const Write& write, MemoryStorage& storage) {
  Result<void> done;
  for (const Seal& seal : write.seals) done = done ? storage.seal(seal) : done;
  for (const Settlement& settlement : write.settlements) {
    done = done ? storage.settle(settlement) : done;
  }
  if (write.change != nullptr) done = done ? apply(*write.change, storage) : done;
  if (write.given_up != nullptr) done = done ? apply(*write.given_up, storage) : done;
  if (done && write.correction) {
    done = correct_step(storage, *write.correction, options_.clock_step);
  }
  return done;
}

void SimulatedOutbox::enter_in_ledger(const Round& round, bool with_appends) {
  for (std::size_t i = 0; with_appends && i < round.appends.size(); ++i) {
    if (!receipts_[i]) continue;
    const auto& models = round.appends[i]->models();
    around_.ledger.accepted(*receipts_[i], models);
    around_.trace.note([&] { return describe(*receipts_[i], models); });
  }
  for (const Write& write : round.writes) enter_in_ledger(write);
}

void SimulatedOutbox::enter_in_ledger(const Write& write) {
  if (write.correction) {
    around_.trace.note([&] {
      return "outbox: corrected up to " + std::to_string(around_.storage.stats().unsynced_from);
    });
  }
  for (const Settlement& settlement : write.settlements) {
    around_.ledger.settled(settlement);
    around_.trace.note([&] { return describe(settlement); });
    if (!settlement.dropped.empty()) around_.on_drop(settlement.dropped);
  }
  if (write.change != nullptr) {
    const LetterChange& change = *write.change;
    change.drops ? around_.ledger.dropped(change.taken) : around_.ledger.retried(change.taken);
    around_.trace.note([&] { return describe(change.taken, change.drops); });
  }
  if (write.given_up != nullptr) {
    around_.ledger.given_up(write.given_up->receipts);
    around_.trace.note([&] { return "outbox: given up: " + list(write.given_up->receipts); });
    around_.on_drop(write.given_up->receipts);
  }
  for (const Seal& seal : write.seals) {
    around_.ledger.sealed(seal);
    around_.trace.note([&] { return describe(seal); });
  }
}

/// False when the process ends before they hear of it.
bool SimulatedOutbox::answer_writers(const Round& round, Committed committed) {
  const bool has_writes = !round.appends.empty() || !round.writes.empty();
  if (committed != Committed::kNo && has_writes && around_.crashes()) return false;
  bool accepted = false;
  for (std::size_t i = 0; i < round.appends.size(); ++i) {
    WriterAppend& append = *round.appends[i];
    const bool is_done = committed == Committed::kYes;
    append.done(is_done ? receipts_[i] : tl::make_unexpected(kFailed));
    if (!is_done || !receipts_[i]) continue;
    accepted = true;
    around_.ledger.answered(*receipts_[i], append.models());
  }
  if (accepted) around_.on_append();
  return true;
}

}  // namespace flowmyna::simulation
