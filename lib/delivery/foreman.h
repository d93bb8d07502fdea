#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/backlog.h"
#include "core/backoff.h"
#include "core/clock.h"
#include "core/judge.h"
#include "core/planner.h"
#include "core/token_bucket.h"
#include "delivery/batch_size.h"
#include "delivery/compaction_pace.h"
#include "delivery/delivery_status.h"
#include "delivery/export_hold.h"
#include "delivery/export_view.h"
#include "delivery/gate.h"
#include "delivery/lane.h"
#include "delivery/look.h"
#include "delivery/outage_log.h"
#include "delivery/schedule.h"
#include "delivery/sealed_request.h"
#include "delivery/status_board.h"
#include "delivery/transport.h"
#include "delivery/waiters.h"

namespace flowmyna {

struct ForemanOptions {
  PlanOptions plan;
  BackoffOptions backoff;
  /// How long the first of a few operations waits for company; a full batch never waits.
  std::chrono::milliseconds linger{200};
  std::size_t in_flight_max = 8;
  /// How many requests of an endpoint may lie sealed: those that fail again and again wait here
  /// without holding up the others. Restarting reads them all, and each takes some hundred bytes.
  std::size_t sealed_max = 2000;
  std::uint32_t requests_per_minute_max = 1000;  ///< 0: no limit
  bool hold_unknown = false;                     ///< an event of unknown outcome waits for a person
  /// For so long at least an item is tried that the API fails by itself in a 200, before it is
  /// dead.
  std::chrono::milliseconds dead_letter_after{std::chrono::hours(1)};
  /// What is planned at once. More coalesces better; this much bounds memory.
  std::size_t window_operations = 10'000;
  std::size_t window_bytes = 4U << 20;
  /// What one step of compaction goes through, and what has to have come before there is one: many
  /// at a time write less to flash, few hold up writers for less.
  std::size_t compact_operations = 2048;
  std::size_t compact_bytes = 1U << 20;
  std::uint64_t seed = 0;  ///< of the jitter
};

/// Decides when what leaves: reads windows of the backlog, has them planned, seals and sends what
/// is ready, has answers judged and settles what they say.
///
/// Invariants:
/// - a request leaves only after its seal is durable, and what depends on another request is sealed
///   only after that one's settlement is durable; so whatever is sealed after a crash can be sent
///   in any order without undoing newer data;
/// - what a look has come past is in the schedule, in a request, settled, or remembered by the look
///   with what it touches;
/// - nothing is sealed from bytes that the outbox has changed since they were read: the times of
///   events, once the clock is synchronised;
/// - the schedule is only a plan: it is thrown away and made anew whenever that is simpler.
///
/// What fails holds up itself and what depends on it: the network both endpoints (Gate), an
/// endpoint its requests (Lane), a request those that touch what it touches (Schedule for what was
/// planned, Look for what is passed over to find what can go).
///
/// A state machine on the delivery thread: nothing blocks, everything happens in `advance` or in a
/// callback that arrives through `post`. What other threads may know of it is on the `board`.
class Foreman final : public DeliveryActions {
 public:
  /// Runs a function on the delivery thread, soon; any thread may call it.
  using Post = std::function<void(std::function<void()>)>;
  /// A new idempotency key, a UUID in text form.
  using MakeKey = std::function<std::string()>;

  /// What stands around it, and must outlive it.
  struct Sides {
    Backlog& backlog;
    Transport& transport;
    const Clock& clock;
    StatusBoard& board;
    Post post;
    MakeKey make_key;
  };

  Foreman(ForemanOptions options, Sides sides);

  /// Does everything that is due; gives the time to call again at the latest.
  std::optional<BootTime> advance();
  void flush() override;
  void end_back_off() override;
  void pause() override;
  void resume() override;
  void returned(Receipt lowest) override;
  void refresh_health() override;
  void await(Wait wait) override;
  void release_waits() override { waiters_.release(); }
  void network_changed() override;
  void network_lost() override;
  void key_changed() override;
  std::vector<StuckItem> stuck(std::size_t items_max) const override;
  void drop_pending(Receipt receipt, Done<void> done) override;
  void begin_export(Done<ExportView> done) override;
  void continue_export(const std::string& id, Done<ExportView> done) override;
  void give_up_exported(const std::string& id, std::vector<Receipt> receipts,
                        Done<std::uint64_t> done) override;

  /// No new request leaves from now on, and what is sealed and never left is unsealed.
  void stop();
  /// Every answer that was under way has come and is settled.
  bool is_quiet() const;

  /// What should always hold after `advance` and does not, in words; empty when all does. Goes
  /// through all that is planned and sealed: for tests and debug builds.
  std::string broken_invariant() const;

 private:
  using Phase = SealedRequest::Phase;

  // How long the outbox is left alone after it refused something.
  static constexpr std::chrono::seconds kStorageRetry{1};

  // How often a request fails on its own before it is divided: the first times may be chance. Its
  // parts are divided at once.
  static constexpr std::uint32_t kDivideAfter = 3;

  // Of more requests than this, those that wait give their bodies up, to be built again.
  static constexpr std::size_t kBodiesMax = 64;

  /// What failed waits for fresh work: for that which was there when it began to wait, until it has
  /// been looked at.
  struct GivingWay {
    Receipt through = 0;
    BootTime since{0};
    bool is_over = false;
  };

  /// What an endpoint has of its own.
  struct Endpoint {
    Endpoint(const ForemanOptions& options, std::uint64_t seed)
        : lane(options.backoff, seed), size(options.plan.bytes_max) {}
    Lane lane;
    BatchSize size;
    bool failed_is_next = false;  ///< whose turn it is: what failed, or fresh work
    std::optional<GivingWay> giving_way;
    std::size_t passed_over = 0;      ///< requests of the other that were filled while this waited
    std::optional<BootTime> sent_at;  ///< when a request left for it last
  };

  // what waits (foreman_backlog.cpp)
  struct Read {
    Receipt after = 0;
    bool is_second = false;  ///< of the second look
    bool goes_on = false;    ///< what is planned stays
    BootTime begun_at{0};
    bool is_stale = false;  ///< something has come back to the backlog that it leaves out
  };
  bool has_unread() const;
  bool is_read_put_off() const;
  bool can_read(BootTime now) const;
  std::optional<BootTime> read_due(BootTime now) const;
  std::optional<BootTime> first_due(BootTime now) const;
  bool second_is_due(BootTime now) const;
  bool has_found(const Look& look, BootTime now) const;
  bool must_go_on() const;
  bool is_planned(std::size_t windows) const;
  std::size_t ready_requests(BootTime now) const;
  void read_more(BootTime now);
  void begin_read(const Read& read);
  void on_window(const Read& read, Window window, Receipt accepted_before);
  void note_read(bool is_second, Receipt read_through);
  bool needs_sifting(BootTime now) const;
  Result<std::shared_ptr<const Batch>> sift(Look& look, const Read& read,
                                            std::shared_ptr<const Batch> batch,
                                            Receipt& read_through);
  void block(Look& look, const Read& read) const;
  std::vector<OutstandingRequest> outstanding(bool with_planned) const;
  std::vector<Receipt> taken_after(Receipt receipt, bool with_planned) const;

  // the looks at it (foreman_looks.cpp)
  std::optional<BootTime> look_again_due() const;
  void look_again(BootTime now);
  void plan_anew(std::size_t operations_kept);
  void plan_anew() { plan_anew(kept_in_plan()); }
  void replan_after(const SealedRequest& request);
  std::size_t kept_in_plan() const;
  std::vector<Schedule::GivenUp> give_up_places(std::size_t operations_kept);
  void pass_over(const std::vector<Schedule::GivenUp>& given_up);
  void begin_second_look();
  void leave_ended_look();
  void second_becomes_first();
  void note_looked(bool is_in_vain);
  void forget_plan(Receipt lowest_returned);

  // folding it (foreman_compaction.cpp)
  bool wants_compaction(BootTime now) const;
  void compact(BootTime now);
  std::uint64_t next_wanted(BootTime now, std::uint64_t accepted) const;

  // the way to the API, and what may be under way (foreman.cpp)
  void probe(BootTime now);
  void send_probe();
  void lose_network();
  void log_failure(const std::string& what, const std::string& reason);
  void log_reached();
  std::size_t allowance(Kind kind, BootTime now) const;
  bool allows_any(BootTime now) const;
  std::size_t share_of(Kind kind, BootTime now) const;
  bool is_left_behind(const SealedRequest& request, BootTime now) const;
  std::size_t in_flight(BootTime now) const;
  std::size_t in_flight(Kind kind, BootTime now) const;
  bool is_building() const;
  std::optional<BootTime> next_deadline(BootTime now);
  std::optional<BootTime> next_deadline(Kind kind, BootTime now);

  // from the plan into requests (foreman_sealing.cpp)
  void seal_ready(BootTime now);
  std::optional<Kind> next_to_fill(BootTime now) const;
  bool may_seal(Kind kind, BootTime now) const;
  bool fills_request(Kind kind) const;
  Schedule::Limits limits(Kind kind) const;
  SealedRequest& fill(Kind kind);
  Schedule::Taken take_on_search(Kind kind, RequestId id);
  void seal(std::vector<Seal> seals);
  void on_sealed(const std::vector<RequestId>& ids, const Result<void>& done);
  bool is_failing_one_due(Kind kind, BootTime now) const;

  // leaving (foreman_sending.cpp)
  void send_ready(BootTime now);
  bool send_next(Kind kind, BootTime now);
  void send(SealedRequest& request, BootTime now);
  SealedRequest* next_to_send(Kind kind, BootTime now);
  bool must_give_way(Kind kind, bool is_fresh_ready, BootTime now) const;
  bool is_fresh_coming(Kind kind, bool is_all_read, BootTime now) const;
  std::size_t doubtful(const SealedRequest& request) const;

  // coming back (foreman_answers.cpp)
  void on_answer(RequestId id, const Answer& answer);
  void throttle(SealedRequest& request, const Verdict& verdict, BootTime now);
  void lose_way(SealedRequest& request, const Verdict& verdict, BootTime now);
  void fail_request(SealedRequest& request, const Verdict& verdict, const Answer& answer,
                    BootTime now);
  bool is_held_up(const SealedRequest& request, const Verdict& verdict) const;
  bool blame(SealedRequest& request, const Verdict& verdict, BootTime now);
  void retry(SealedRequest& request, const Verdict& verdict, bool is_on_its_own, BootTime now);
  void settle(SealedRequest& request, const Verdict& verdict, const Answer& answer);
  void settle_failed(SealedRequest& request, const Verdict& verdict,
                     const std::vector<std::size_t>& failed, int status, BootTime now);
  void give_up_failed(SealedRequest& request, const Verdict& verdict,
                      const std::vector<std::size_t>& failed, int status);
  void refuse(SealedRequest& request, const Verdict& verdict, int status);
  void separate(SealedRequest& request, const Verdict& verdict);
  bool is_refused_with_all(SealedRequest& request, const Verdict& verdict, BootTime now);
  bool can_try_another(const SealedRequest& request) const;
  bool must_hold(const SealedRequest& request) const;
  void hold(SealedRequest& request, const std::string& why);
  void bury(SealedRequest& request, const ItemMembers& members, int status, std::string reason,
            const std::string& words);

  // what becomes of a request, and after a restart (foreman_requests.cpp)
  void divide(SealedRequest& request);
  void take_apart(SealedRequest& request, std::size_t item);
  void finish(SealedRequest& request);
  void count_what_goes_again(SealedRequest& request, bool is_released);
  void settle_finished();
  void on_settled(const std::vector<RequestId>& ids, const Result<void>& done);
  void spawn(const SealedRequest& parent, const Successor& successor);
  void load_seals();
  void load_seal(const Seal& seal);
  void build_unbuilt();
  void on_fetched(RequestId id, Result<Window> window);
  void dissolve(SealedRequest& request);
  void learn_touches(SealedRequest& request, const Batch& batch);

  // once the clock is synchronised (foreman_clock.cpp)
  void notice_clock();
  bool may_correct_clock() const;
  void correct_clock();

  /// The outbox refused something; it is asked again in a while.
  void outbox_refused(std::string_view what, const Error& error);

  // an export (foreman_export.cpp)
  bool is_still() const;
  Result<ExportView> view_of_export() const;
  GiveUp with_requests(std::vector<Receipt> receipts) const;
  void on_given_up(const GiveUp& what, bool is_done);

  // writers who wait (foreman_waits.cpp)
  std::vector<std::uint64_t> groups_of(const Window& window) const;
  void note_delivered(SealedRequest& request, const Verdict& verdict, const Answer& answer);
  void note_dead(SealedRequest& request, const ItemMembers& members, int status,
                 const std::string& words);

  // what people see and ask for (foreman_people.cpp)
  void end_waits();
  void publish(BootTime now);
  DeliveryState state(BootTime now, std::optional<BootTime>& next, std::string& last_error) const;
  EndpointStatus endpoint_status(Kind kind, BootTime now) const;
  bool can_do_anything(BootTime now) const;
  bool one_delivers(BootTime now) const;
  bool is_stuck(const SealedRequest& request) const;
  StuckItem describe_stuck(const SealedRequest& request, std::size_t item, BootTime now) const;
  void drop_from(SealedRequest& request, Receipt receipt, Done<void> done);

  // what must hold (foreman_check.cpp)
  std::string broken_requests() const;
  std::string broken_places() const;
  std::string broken_seals() const;

  static constexpr Kind other(Kind kind) {
    return kind == Kind::kUpsert ? Kind::kEvent : Kind::kUpsert;
  }
  BootTime now() const { return clock_.boot_now(); }
  std::int64_t unix_s() const { return clock_.unix_now_ms() / 1000; }
  Endpoint& endpoint(Kind kind) { return endpoints_[index_of(kind)]; }
  const Endpoint& endpoint(Kind kind) const { return endpoints_[index_of(kind)]; }

  const ForemanOptions options_;
  Backlog& backlog_;
  Transport& transport_;
  const Clock& clock_;
  StatusBoard& board_;
  const Post post_;
  const MakeKey make_key_;

  Gate gate_;
  std::array<Endpoint, kKinds> endpoints_;  // by index_of(Kind)
  IndexBase index_base_ = IndexBase::kUnknown;
  OutageLog outage_log_;
  mutable TokenBucket bucket_;  // that time passes is no change
  Random random_;
  Schedule schedule_;
  Waiters waiters_;
  std::map<RequestId, SealedRequest> requests_;  // oldest first
  std::vector<RequestId> to_settle_;
  RequestId next_id_ = 1;
  std::size_t in_flight_ = 0;  // those left behind included
  Kind last_sent_ = Kind::kEvent;

  bool loading_ = false;
  bool loaded_ = false;  // the seals of the last run are known
  std::optional<Read> reading_;
  bool compacting_ = false;
  CompactionPace pace_;
  Receipt answered_ = 0;       // whoever waits for what is up to here has said so
  bool clock_is_due_ = false;  // events wait for their right time
  bool correcting_ = false;    // a step of that is under way
  bool stopping_ = false;
  ExportHold hold_;
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
  BootTime storage_retry_at_{0};            // after the outbox refused something
};

}  // namespace flowmyna
