#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/backlog.h"
#include "core/outbox.h"
#include "loop/event_loop.h"
#include "outbox/compactor.h"
#include "outbox/storage.h"

namespace flowmyna {

/// The outbox's one thread: it owns the storage, takes what has queued up, does it in one
/// transaction, commits once, then answers all. This is group commit that never waits when idle:
/// while one commit syncs, the next group gathers; a lone writer pays for nothing but its own sync.
/// Only for as many writers as shared the commit before, who are likely to come back at once, it
/// waits a fraction of what that commit took.
///
/// Whoever brings writers' operations can be served on this thread, as a source of its `loop`: then
/// a round takes whatever has arrived when it begins, and nobody is woken between an operation, its
/// commit and its answer.
///
/// In each round writers come first, then seals, settles, corrections of times and what people do
/// to dead letters, then (after the commit) reads, then one chore in a transaction of its own. A
/// round is bounded, and makes writers wait for only one of those other tasks: when writers are
/// there again after it, the rest is put off to the next round, which then does it. So neither
/// side starves the other. When a round fails, its writers get the error and nothing of theirs is
/// kept; what delivery wanted is tried once more without them, because settling is what frees
/// space. What need not be done before an answer is done after the round.
class Vault final : public Outbox, public Backlog {
 public:
  /// `on_append` is called on the vault's thread after each commit that accepted something;
  /// `planning` says what is a touch to compaction. `on_idle` is called on the vault's thread when
  /// nothing, or little, was wanted for two seconds and all free space is given back: once until
  /// something is wanted, or again while what has left is still to be overwritten. `on_returned` is
  /// called when operations from a receipt on have come back to the backlog.
  Vault(
      std::unique_ptr<Storage> storage, std::function<void()> on_append, PlanOptions planning = {},
      std::function<void()> on_idle = [] {}, std::function<void(Receipt)> on_returned = {});
  ~Vault() override { stop(); }

  /// What the thread waits at; its sources are served before each round.
  EventLoop& loop() { return loop_; }

  /// Finishes what was queued and ends the thread; what comes later is answered kStopping. After it
  /// no callback runs any more. Idempotent; not from several threads at once.
  void stop();

  void append(std::unique_ptr<Append> operations) override;
  void read(ReadLimits limits, Done<Window> done) override;
  void fetch(std::vector<Receipt> receipts, Done<Window> done) override;
  void seals(Done<std::vector<Seal>> done) override;
  void seal(std::vector<Seal> seals, Done<void> done) override;
  void settle(std::vector<Settlement> settlements, Done<void> done) override;
  void correct_clock(ClockCorrection correction, Done<void> done) override;
  void compact(CompactLimits limits, Done<Compacted> done) override;
  OutboxStats stats() const override;
  void retry_dead_letters(LetterLimits limits, Done<RetriedLetters> done) override;
  void drop_dead_letters(LetterLimits limits, Done<DeadLetters> done) override;
  void arrive(Arrival piece, Done<void> done) override;
  void give_up(GiveUp what, Done<std::uint64_t> done) override;
  // vault_backup.cpp
  void begin_backup(std::string id, Done<void> done) override;
  void continue_backup(std::string id, Done<BackupProgress> done) override;
  void read_backup(std::string id, std::uint64_t from, Done<std::string> done) override;
  void end_backup(std::string id, Done<void> done) override;

 private:
  using Appends = std::vector<std::unique_ptr<Append>>;
  struct Write {
    std::function<Result<void>(Storage&)> apply;
    Done<void> done;
  };
  using Read = std::function<void()>;  // answers, whatever happens
  struct Round {
    Appends appends;
    std::vector<Write> writes;
    std::vector<Read> reads;
    std::optional<Write> chore;
    bool is_quiet = false;  ///< nothing was asked for, or little for a while: gives space back
    bool empty() const { return appends.empty() && writes.empty() && reads.empty() && !chore; }
  };

  void look_up(LookUp look, Done<void> done) override;

  struct Reading;
  void go_on_reading(std::shared_ptr<Reading> reading);
  template <class Add>
  bool enqueue(Add add);
  void write(Write write);
  void add_chore(Write chore);
  template <class T>
  void change(std::function<Result<T>(Storage&)> apply, Done<T> done);
  template <class T>
  void query(std::function<Result<T>(Storage&)> ask, Done<T> done);
  bool has_backup(const std::string& id);
  std::optional<std::chrono::milliseconds> backup_due_in() const;
  void drop_old_backup();
  void run();
  bool take(Round& round);
  void wait_for_work();
  void gather();
  bool has_work() const;
  bool only_trickles();
  std::size_t writers_waiting() const;
  void perform(Round& round);
  bool is_turn_of(bool& is_put_off);
  void put_back(Round& round);
  void accept(Appends appends, std::vector<Write>& writes);
  Result<void> apply(const std::vector<Write>& writes);
  Result<void> begin();
  void shrink();
  void roll_back(const Error& error);
  void recover(const Error& error);
  void refresh();
  void tend();
  void publish();
  void check();

  const std::unique_ptr<Storage> storage_;
  const std::function<void()> on_append_;
  const std::function<void()> on_idle_;
  const std::function<void(Receipt)> on_returned_;

  EventLoop loop_;
  mutable std::mutex mutex_;
  std::deque<std::unique_ptr<Append>> appends_;  // these six under mutex_
  std::vector<Write> writes_;
  std::vector<Read> reads_;
  std::deque<Write> chores_;
  bool stopping_ = false;
  OutboxStats stats_;

  Compactor compactor_;         // the thread's own, like what follows
  std::size_t last_group_ = 0;  // the writers whom the last commit answered
  std::chrono::nanoseconds last_commit_{0};
  bool has_kept_waiting_ = false;  // this round, beyond the commit of its writers' operations
  struct {
    bool reads = false, chore = false, tending = false;
  } put_off_;  // by the last round
  bool may_shrink_ = true;
  std::size_t rounds_ = 0;  // since they are counted
  std::chrono::steady_clock::time_point counted_since_ = std::chrono::steady_clock::now();
  struct {
    std::string id;  // empty: there is none
    std::chrono::steady_clock::time_point until;
  } backup_;
  std::optional<Error> broken_;      // the storage could not be opened again
  std::uint64_t refused_bytes_ = 0;  // of the last append that did not fit, until it would
  std::thread thread_;               // last: it runs with all of the above
};

}  // namespace flowmyna
