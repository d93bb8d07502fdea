#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "chance.h"
#include "core/backlog.h"
#include "core/outbox.h"
#include "event_queue.h"
#include "findings.h"
#include "ledger.h"
#include "outbox/clock_pass.h"
#include "outbox/compactor.h"
#include "tests/contract/memory_storage.h"

namespace flowmyna::simulation {

/// What a writer of the simulation gives to the outbox.
class WriterAppend final : public Append {
 public:
  using Done = std::function<void(const Result<Receipt>&)>;

  WriterAppend(std::vector<ModelOperation> models, std::int64_t now_unix_s, Done done)
      : Append(encode(models), now_unix_s), models_(std::move(models)), done_(std::move(done)) {}

  void done(Result<Receipt> first) override { done_(first); }
  const std::vector<ModelOperation>& models() const { return models_; }

 private:
  std::vector<ModelOperation> models_;
  Done done_;
};

struct OutboxOptions {
  std::chrono::milliseconds sync_min{1};
  std::chrono::milliseconds sync_max{10};
  double slow_sync = 0;        ///< share of the syncs that take a hundred times as long
  double commit_failure = 0;   ///< share of the commits that fail
  double failed_but_kept = 0;  ///< share of those that are on the disk all the same
  StepLimits clock_step;
};

/// The outbox with a disk that takes its (virtual) time, as vault.h describes it: what has queued
/// up while one round synced is the next round; writers first, then seals and settles in the same
/// transaction, then reads; a round that fails is tried once more without its writers, which is
/// refused in turn where the first try is on the disk.
///
/// One process's: destroying it drops what is queued, answered to nobody. What is durable stays in
/// the storage, and is written into the ledger at each commit.
class SimulatedOutbox final : public Backlog {
 public:
  struct Surroundings {
    EventQueue& queue;
    Chance& chance;
    Trace& trace;
    MemoryStorage& storage;
    Ledger& ledger;
    Findings& findings;
    /// The power fails now: between a commit and its answers.
    std::function<bool()> crashes;
    /// Faults are still to happen.
    std::function<bool()> has_faults;
    /// Something was accepted.
    std::function<void()> on_append;
    /// A person has given this up, durably.
    std::function<void(const std::vector<Receipt>&)> on_drop;
  };

  SimulatedOutbox(OutboxOptions options, PlanOptions planning, Surroundings surroundings)
      : options_(options),
        around_(std::move(surroundings)),
        compactor_(std::move(planning)),
        stats_(around_.storage.stats()) {}

  void read(ReadLimits limits, Done<Window> done) override;
  void fetch(std::vector<Receipt> receipts, Done<Window> done) override;
  OutboxStats stats() const override { return stats_; }
  void seals(Done<std::vector<Seal>> done) override;
  void seal(std::vector<Seal> seals, Done<void> done) override;
  void settle(std::vector<Settlement> settlements, Done<void> done) override;
  void correct_clock(ClockCorrection correction, Done<void> done) override;
  void compact(CompactLimits limits, Done<Compacted> done) override;
  void give_up(GiveUp what, Done<std::uint64_t> done) override;

  // What writers and people do, as in Outbox.
  void append(std::unique_ptr<WriterAppend> operations);
  void state(Receipt receipt, Done<ReceiptState> done);
  void dead_letters(LetterLimits limits, Done<DeadLetters> done);
  void dead_letter_of(Receipt receipt, Done<std::optional<DeadLetter>> done);
  void retry_dead_letters(LetterLimits limits, Done<RetriedLetters> done);
  void drop_dead_letters(LetterLimits limits, Done<DeadLetters> done);

 private:
  /// What a person does to dead letters, and what came of it.
  struct LetterChange {
    bool drops = false;
    LetterLimits limits;
    DeadLetters taken;
    RetriedLetters retried;
  };
  struct GivenUp {
    std::vector<Receipt> receipts;  ///< in the end those that were pending
  };
  struct Write {
    std::vector<Seal> seals;
    std::vector<Settlement> settlements;
    std::shared_ptr<LetterChange> change;
    Done<void> done;
    std::optional<ClockCorrection> correction = {};
    std::shared_ptr<GivenUp> given_up = {};
  };
  struct Round {
    std::vector<std::unique_ptr<WriterAppend>> appends;
    std::vector<Write> writes;
    std::vector<std::function<void()>> reads;  // and chores
    bool empty() const { return appends.empty() && writes.empty() && reads.empty(); }
  };

  enum class Committed : std::uint8_t { kYes, kNo, kUnsaid };

  void begin_round();
  void check();
  void perform(Round round);
  Committed commit(const Round& round, bool with_appends);
  Result<void> apply(LetterChange& change, MemoryStorage& storage);
  static Result<void> apply(GivenUp& given_up, MemoryStorage& storage);
  Result<Compacted> compact(const CompactLimits& limits);
  Result<void> apply(const Write& write, MemoryStorage& storage);
  void enter_in_ledger(const Round& round, bool with_appends);
  void enter_in_ledger(const Write& write);
  bool answer_writers(const Round& round, Committed committed);

  OutboxOptions options_;
  Surroundings around_;
  Compactor compactor_;
  OutboxStats stats_;
  Round queued_;
  std::vector<Result<Receipt>> receipts_;  // of the round under way
  bool is_busy_ = false;
  std::uint64_t commits_ = 0;
  Lifetime lifetime_;
};

}  // namespace flowmyna::simulation
