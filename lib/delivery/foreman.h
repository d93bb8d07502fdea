#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/backlog.h"
#include "core/backoff.h"
#include "core/clock.h"
#include "core/judge.h"
#include "core/token_bucket.h"
#include "delivery/backlog_compaction.h"
#include "delivery/backlog_reader.h"
#include "delivery/batch_size.h"
#include "delivery/control.h"
#include "delivery/export_hold.h"
#include "delivery/foreman_options.h"
#include "delivery/gate.h"
#include "delivery/lane.h"
#include "delivery/outage_log.h"
#include "delivery/post.h"
#include "delivery/schedule.h"
#include "delivery/sealed_request.h"
#include "delivery/status_board.h"
#include "delivery/storage_retry.h"
#include "delivery/transport.h"
#include "delivery/waiters.h"

namespace flowmyna {

/// Decides when what leaves: seals and sends what is ready of the plan, has answers judged and
/// settles what they say. What is in the plan is up to the BacklogReader.
///
/// Invariants:
/// - a request leaves only after its seal is durable, and what depends on another request is sealed
///   only after that one's settlement is durable; so whatever is sealed after a crash can be sent
///   in any order without undoing newer data;
/// - nothing is sealed from bytes that the outbox has changed since they were read: the times of
///   events, once the clock is synchronised.
///
/// What fails holds up itself and what depends on it: the network both endpoints (Gate), an
/// endpoint its requests (Lane), a request those that touch what it touches (Schedule for what was
/// planned, Look for what was passed over).
///
/// A state machine on the delivery thread: nothing blocks, everything happens in `advance` or in a
/// callback that arrives through `post`. What other threads may know of it is on the `board`.
class Foreman final : public DeliveryActions, private BacklogReader::Sender {
 public:
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
  Foreman(const Foreman&) = delete;
  Foreman& operator=(const Foreman&) = delete;

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

  // How often a request fails on its own before it is divided: the first times may be chance. Its
  // parts are divided at once.
  static constexpr std::uint32_t kDivideAfter = 3;

  // Of more requests than this, those that wait give their bodies up, to be built again.
  static constexpr std::size_t kBodiesMax = 64;

  /// What failed waits for fresh work that may still be in the backlog.
  struct GivingWay {
    Receipt through = 0;  ///< what was accepted when it began to wait: it waits for no more
    BootTime since{0};
    bool is_over = false;  ///< all of that has been looked at
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

  // the way to the API, and what may be under way (foreman.cpp)
  void probe(BootTime now);
  void send_probe();
  void lose_network();
  void log_failure(const std::string& what, const std::string& reason);
  void log_reached();
  std::size_t allowance(Kind kind, BootTime now) const override;
  std::size_t share_of(Kind kind, BootTime now) const;
  bool is_left_behind(const SealedRequest& request, BootTime now) const;
  std::size_t in_flight(BootTime now) const;
  std::size_t in_flight(Kind kind, BootTime now) const;
  std::optional<BootTime> next_deadline(BootTime now);
  std::optional<BootTime> next_deadline(Kind kind, BootTime now);
  std::uint64_t next_wanted(BootTime now, std::uint64_t accepted) const;

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
  void looked(bool is_in_vain) override;

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

  // folding the backlog (foreman_compaction.cpp)
  bool wants_compaction(BootTime now) const;
  void compact(BootTime now);

  // once the clock is synchronised (foreman_clock.cpp)
  void notice_clock();
  bool is_clock_due() const override { return clock_is_due_; }
  bool may_correct_clock() const;
  void correct_clock();

  // an export (foreman_export.cpp)
  bool is_still() const;
  Result<ExportView> view_of_export() const;
  GiveUp with_requests(std::vector<Receipt> receipts) const;
  void on_given_up(const GiveUp& what, bool is_done);

  // writers who wait (foreman_waits.cpp)
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
  Requests requests_;
  std::vector<RequestId> to_settle_;
  RequestId next_id_ = 1;
  std::size_t in_flight_ = 0;  // those left behind included
  Kind last_sent_ = Kind::kEvent;

  bool loading_ = false;
  bool loaded_ = false;        // the seals of the last run are known
  bool clock_is_due_ = false;  // events wait for their right time
  bool correcting_ = false;    // a step of that is under way
  bool stopping_ = false;
  ExportHold hold_;

  StorageRetry storage_retry_;
  BacklogCompaction compaction_;
  BacklogReader reader_;
};

}  // namespace flowmyna
