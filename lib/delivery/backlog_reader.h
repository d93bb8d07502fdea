#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/backlog.h"
#include "core/clock.h"
#include "core/planner.h"
#include "delivery/backlog_compaction.h"
#include "delivery/foreman_options.h"
#include "delivery/look.h"
#include "delivery/post.h"
#include "delivery/schedule.h"
#include "delivery/sealed_request.h"
#include "delivery/storage_retry.h"
#include "delivery/waiters.h"

namespace flowmyna {

/// Reads windows of the backlog and plans them into the schedule, for as long as what is planned
/// could leave.
///
/// What is planned and has not left is planned again together with what has come since, so that it
/// can merge. Where the plan is full of what has to wait, or something had to be passed over,
/// reading goes on after that instead: what conflicts with what waits is passed over, the rest is
/// added to the plan (look.h). What was passed over is looked at again when what it waits for has
/// ended, and where it waits for the plan itself, from time to time; never so often that looking
/// takes more than a small part of the time.
///
/// Invariants:
/// - what a look has read is in the schedule, in a request, settled, or remembered by the look as
///   passed over, with what it touches;
/// - the schedule is only a plan: it is thrown away and made anew whenever that is simpler.
class BacklogReader {
 public:
  /// The sending side, as the reader sees it.
  class Sender {
   public:
    /// How many requests of a kind may be in flight; 0: what is of that kind has to wait.
    virtual std::size_t allowance(Kind kind, BootTime now) const = 0;
    bool allows_any(BootTime now) const {
      return std::ranges::any_of(kAllKinds, [&](Kind kind) { return allowance(kind, now) > 0; });
    }
    /// The times of events are about to be corrected: until then nothing is read.
    virtual bool is_clock_due() const = 0;
    /// A look has read something; `is_in_vain`: nothing that it had not read before.
    virtual void looked(bool is_in_vain) = 0;

   protected:
    ~Sender() = default;
  };

  /// What stands around it, and must outlive it.
  struct Sides {
    Backlog& backlog;
    const Clock& clock;
    const Post& post;
    StorageRetry& storage_retry;
    const BacklogCompaction& compaction;
    const Requests& requests;  ///< what is planned is planned around these
    const Waiters& waiters;
    Schedule& schedule;  ///< what is planned goes there; the sender takes from it
    Sender& sender;
  };

  BacklogReader(const ForemanOptions& options, const Sides& sides);

  /// Begins the read that is due, if any.
  void read_more(BootTime now);
  /// When the next read is due; nothing while there is nothing to read, or no use for it.
  std::optional<BootTime> read_due(BootTime now) const;
  bool is_reading() const { return reading_.has_value(); }
  /// There is something that a look has not come to yet.
  bool has_unread() const;
  /// It is not read because something is under way, for a moment, that changes what would be read,
  /// or what it is planned around.
  bool is_put_off() const;
  /// A request whose touches are not known yet: nothing can be planned around it.
  bool is_building() const;
  /// How many requests could be made of what is planned and may leave.
  std::size_t ready_requests(BootTime now) const;
  /// How many operations have to be accepted in all before a few that wait for company are read at
  /// once; 0: none wait.
  Receipt read_from() const;
  /// What is up to here waits for no company.
  void hurry_through(Receipt receipt);

  /// Looks again at what was passed over, if that is due.
  void look_again(BootTime now);
  /// When it is; at once also where the plan has grown too old.
  std::optional<BootTime> look_again_due() const;
  /// What waits for what has changed: what has to wait gives up its place in the plan, and what
  /// could go keeps its own, the oldest first, up to so many operations.
  void plan_anew(std::size_t operations_kept);
  void plan_anew() { plan_anew(kept_in_plan()); }
  /// The same when a request is settled, and operations of it return to the backlog, or it goes on
  /// in parts.
  void replan_after(const SealedRequest& request);
  /// Forgets the plan and both looks; whatever was in it or passed over, and operations from
  /// `lowest_returned` on (0: none), will be read again.
  void forget_plan(Receipt lowest_returned);
  /// A request that was failing has ended: what was passed over for it may go.
  void failing_one_ended() { held_may_go_ = true; }
  /// Everything up to `through` was read by a look that began at `since` or later, or that has
  /// passed over nothing which may go by now.
  bool has_looked(Receipt through, BootTime since) const;

  /// What should always hold and does not, in words; empty when all does.
  std::string broken_invariant() const;

 private:
  struct Read {
    Receipt after = 0;
    bool is_second = false;  ///< of the second look
    bool goes_on = false;    ///< what is planned stays
    BootTime begun_at{0};
    bool is_stale = false;  ///< something has come back to the backlog that it leaves out
  };

  // reading (backlog_reader.cpp)
  bool can_read(BootTime now) const;
  std::optional<BootTime> first_due(BootTime now) const;
  bool second_is_due(BootTime now) const;
  bool has_found(const Look& look, BootTime now) const;
  bool must_go_on() const;
  bool is_planned(std::size_t windows) const;
  void begin_read(const Read& read);
  void on_read(Result<Window> window, Receipt accepted_before);
  void on_window(const Read& read, Window window, Receipt accepted_before);
  void add_to_plan(const Read& read, std::shared_ptr<const Batch> batch);
  void note_read(bool is_second, Receipt read_through);
  std::vector<std::uint64_t> groups_of(const Window& window) const;
  std::vector<OutstandingRequest> outstanding(bool with_planned) const;
  std::vector<Receipt> taken_after(Receipt receipt, bool with_planned) const;

  // what is passed over (backlog_looks.cpp)
  bool needs_sifting(BootTime now) const;
  Result<std::shared_ptr<const Batch>> sift(Look& look, const Read& read,
                                            std::shared_ptr<const Batch> batch,
                                            Receipt& read_through);
  void block(Look& look, const Read& read) const;
  std::size_t kept_in_plan() const;
  std::vector<Schedule::GivenUp> give_up_places(std::size_t operations_kept);
  void pass_over(const std::vector<Schedule::GivenUp>& given_up);
  void begin_second_look();
  void leave_ended_look();
  void second_becomes_first();

  std::size_t allowance(Kind kind, BootTime at) const { return sender_.allowance(kind, at); }
  BootTime now() const { return clock_.boot_now(); }

  const ForemanOptions& options_;
  Backlog& backlog_;
  const Clock& clock_;
  const Post& post_;
  StorageRetry& storage_retry_;
  const BacklogCompaction& compaction_;
  const Requests& requests_;
  const Waiters& waiters_;
  Schedule& schedule_;
  Sender& sender_;

  std::optional<Read> reading_;
  Look look_;  // the first, which ends before it begins anew
  std::optional<Look> second_look_;
  bool second_had_turn_ = false;
  Receipt flush_through_ = 0;  // no linger up to here
  std::optional<BootTime> unread_since_;
  BootTime planned_at_{0};
  std::size_t full_window_ = 0;        // operations in the last window; 0 when it reached the end
  std::size_t loaded_operations_ = 0;  // that were planned of it
  bool held_may_go_ = false;           // what something waits for that was passed over has ended
  std::array<bool, kKinds> were_closed_{};  // endpoints, when something was held for that
};

}  // namespace flowmyna
