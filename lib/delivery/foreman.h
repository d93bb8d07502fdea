#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/backoff.h"
#include "core/clock.h"
#include "core/judge.h"
#include "core/outbox.h"
#include "core/planner.h"
#include "core/token_bucket.h"
#include "delivery/compaction_pace.h"
#include "delivery/gate.h"
#include "delivery/outage_log.h"
#include "delivery/schedule.h"
#include "delivery/transport.h"
#include "delivery/waiters.h"

namespace flowmyna {

struct ForemanOptions {
  PlanOptions plan;
  BackoffOptions backoff;
  /// How long the first of a few operations waits for company; a full batch never waits.
  std::chrono::milliseconds linger{200};
  std::size_t in_flight_max = 8;
  std::uint32_t requests_per_minute_max = 1000;  ///< 0: no limit
  bool hold_unknown = false;                     ///< an event of unknown outcome waits for a person
  /// What is planned at once. More coalesces better; this much bounds memory.
  std::size_t window_operations = 10'000;
  std::size_t window_bytes = 4U << 20;
  /// What one step of compaction goes through, and what has to have come before there is one: many
  /// at a time write less to flash, few hold up writers for less.
  std::size_t compact_operations = 2048;
  std::size_t compact_bytes = 1U << 20;
  std::uint64_t seed = 0;  ///< of the jitter
};

/// What people see of delivery.
struct DeliveryStatus {
  DeliveryState state = DeliveryState::kIdle;
  std::optional<std::chrono::milliseconds> next_attempt_in;
  std::optional<BootTime> last_success_at;
  std::string last_error;
  std::string health_body;  ///< the API's own last health answer, empty before the first
  BootTime health_at{0};
};

/// The backlog as an export finds it.
struct ExportView {
  std::string id;       ///< a UUID; names the export to whoever goes on with it
  Receipt through = 0;  ///< what was accepted before it began
  /// Events that had left and were not answered, ascending, and their requests' keys.
  std::vector<std::pair<Receipt, std::string>> maybe_sent;
};

/// Decides when what leaves: reads windows of the backlog, has them planned, seals and sends what
/// is ready, has answers judged and settles what they say.
///
/// Invariants:
/// - a request leaves only after its seal is durable, and what depends on another request is sealed
///   only after that one's settlement is durable; so whatever is sealed after a crash can be sent
///   in any order without undoing newer data;
/// - an operation is in at most one of: the schedule, a request;
/// - nothing is sealed from bytes that the outbox has changed since they were read: the times of
///   events, once the clock is synchronised;
/// - the schedule is only a plan: it is thrown away and made anew whenever that is simpler.
///
/// A state machine on the delivery thread: nothing blocks, everything happens in `advance` or in a
/// callback that arrives through `post`. `status` may be called from any thread.
class Foreman {
 public:
  /// Runs a function on the delivery thread, soon; any thread may call it.
  using Post = std::function<void(std::function<void()>)>;
  /// A new idempotency key, a UUID in text form.
  using MakeKey = std::function<std::string()>;

  Foreman(ForemanOptions options, Outbox& outbox, Transport& transport, const Clock& clock,
          Post post, MakeKey make_key);

  /// Does everything that is due; gives the time to call again at the latest.
  std::optional<BootTime> advance();
  /// Any thread, after operations were accepted: whether `advance` has to be called for them. A
  /// batch that only grows, or a backlog that cannot leave, is no reason to wake a thread.
  bool wants(std::uint64_t accepted) const;

  /// Somebody wants what waits to be tried now, whatever the back-off or a 429 says.
  void flush();
  void pause();
  void resume();
  /// Operations from this receipt on came back to the backlog, behind what was read: dead letters
  /// that a person retries. They are planned with all that is not sealed yet, in the order of
  /// receipts, and wait for what is under way. To be told after each try to return some, whatever
  /// came of it; once too often costs a read.
  void returned(Receipt lowest) {
    exporting_.reset();
    drop_plan(lowest);
    pace_.start_anew();
  }
  /// Asks the API for its health if the last answer is old and the network works.
  void refresh_health();
  /// A writer waits for what becomes of its operations: they are delivered without lingering. Must
  /// be posted from the `done` of their append; see foreman_waits.cpp.
  void await(Wait wait);
  /// Ends the waits of all writers, also of those to come: the agent is stopping.
  void release_waits() { waiters_.release(); }
  /// There is a route, an address or a link that was not there, or the machine slept: what waits
  /// for the network goes on, and what is under way since before holds up nothing new.
  void network_changed();
  /// A route, an address or a link went away, and nothing came.
  void network_lost();
  /// The transport uses another key from now on.
  void key_changed();
  /// An export begins (foreman_export.cpp): from now on nothing changes what waits, except that
  /// more is accepted behind it. It ends when it is not gone on with for a minute, when delivery is
  /// resumed, when dead letters are retried, and when another one begins. kInvalid unless delivery
  /// is paused; kBusy while something is under way that has to end first.
  void begin_export(Outbox::Done<ExportView> done);
  /// kInvalid when it has ended.
  void continue_export(const std::string& id, Outbox::Done<ExportView> done);
  /// Gives up operations that were exported, for another device has them; `done` as in
  /// Outbox::give_up, on the outbox's thread.
  void give_up_exported(const std::string& id, std::vector<Receipt> receipts,
                        Outbox::Done<std::uint64_t> done);
  /// Events of unknown outcome wait for a person. Any thread may ask.
  bool holds_unknown() const { return options_.hold_unknown; }
  /// No new request leaves from now on.
  void stop() { stopping_ = true; }
  /// Every answer that was under way has come and is settled.
  bool is_quiet() const;

  DeliveryStatus status() const;

 private:
  // How long the outbox is left alone after it refused something.
  static constexpr std::chrono::seconds kStorageRetry{1};

  enum class Phase : std::uint8_t { kUnbuilt, kFetching, kSealing, kReady, kInFlight, kSettling };
  struct Request {
    Seal seal;
    std::string body;
    std::vector<Touch> touches;
    Phase phase = Phase::kSealing;
    BootTime sent_at{0};  ///< while kInFlight
    BootTime not_before{0};
    BootTime not_before_at_least{0};  ///< whatever the network does
    std::uint32_t failures = 0;
    std::string last_error;  ///< while it waits to be sent again
    std::uint64_t sends = 0;
    bool may_have_arrived = false;  ///< sent at least once without a sure outcome
    bool is_sealed = false;         ///< durably
    bool last_chance = false;       ///< failed in company before: if it fails again, it is dead
    Settlement settlement;          ///< while kSettling
    std::vector<std::vector<ItemMembers>> remainder;  ///< while kSettling: its successors' items
    std::vector<OperationOutcome> outcomes;           ///< while kSettling: for the writers who wait
  };

  // what waits (foreman_backlog.cpp)
  std::optional<BootTime> read_due(BootTime now) const;
  void read_more(BootTime now);
  void on_window(Window window, Receipt accepted_before);
  std::vector<Receipt> taken_after(Receipt receipt) const;
  bool wants_compaction(BootTime now) const;
  void compact(BootTime now);
  std::uint64_t next_wanted(BootTime now, std::uint64_t accepted) const;

  // leaving (foreman.cpp)
  void probe(BootTime now);
  void send_probe();
  void seal_ready(BootTime now);
  void seal(std::vector<Seal> seals);
  void send_ready(BootTime now);
  void send(Request& request, BootTime now);
  Request* next_to_send(BootTime now);
  void end_waits();
  void log_failure(const std::string& what, const std::string& reason);
  void log_reached();

  // coming back, and after a restart (foreman_answers.cpp)
  void on_answer(RequestId id, const Answer& answer);
  void keep(Request& request, const Verdict& verdict, BootTime now);
  void settle(Request& request, const Verdict& verdict, const Answer& answer);
  void split(Request& request, const Verdict& verdict, int status);
  void retry(Request& request, const Verdict& verdict, BootTime now);
  bool must_hold(const Request& request) const;
  void hold(Request& request, const std::string& why);
  void bury(Request& request, const ItemMembers& members, int status, std::string reason,
            const std::string& words);
  void finish(Request& request);
  void settle_finished();
  void on_settled(const std::vector<RequestId>& ids, const Result<void>& done);
  void respawn(const Request& parent);
  void load_seals();
  void build_unbuilt();
  void on_fetched(RequestId id, Result<Window> window);
  void dissolve(Request& request);
  void drop_plan(Receipt lowest_returned);

  // once the clock is synchronised (foreman_clock.cpp)
  void notice_clock();
  bool may_correct_clock() const;
  void correct_clock();

  /// The outbox refused something; it is asked again in a while.
  void outbox_refused(std::string_view what, const Error& error);

  // an export (foreman_export.cpp)
  bool is_still() const;
  bool is_exporting(BootTime now) const;
  Result<ExportView> view_of_export() const;
  GiveUp with_requests(std::vector<Receipt> receipts) const;
  void on_given_up(const std::vector<RequestId>& requests, bool is_done);

  // writers who wait (foreman_waits.cpp)
  std::vector<std::uint64_t> groups_of(const Window& window) const;
  void note_delivered(Request& request, const Verdict& verdict, const Answer& answer);
  void note_dead(Request& request, const ItemMembers& members, int status,
                 const std::string& words);

  bool is_left_behind(const Request& request, BootTime now) const;
  std::size_t in_flight(BootTime now) const;
  bool has_room(BootTime now) const;
  bool is_building() const;
  std::optional<BootTime> next_deadline(BootTime now);
  const Request* all_wait_for(BootTime now) const;
  void publish(BootTime now);
  BootTime now() const { return clock_.boot_now(); }
  std::int64_t unix_s() const { return clock_.unix_now_ms() / 1000; }
  std::size_t allowance(BootTime now) const;

  const ForemanOptions options_;
  Outbox& outbox_;
  Transport& transport_;
  const Clock& clock_;
  const Post post_;
  const MakeKey make_key_;

  Gate gate_;
  OutageLog outage_log_;
  TokenBucket bucket_;
  Random random_;
  Schedule schedule_;
  Waiters waiters_;
  std::map<RequestId, Request> requests_;  // sealed, or on the way to it; oldest first
  std::vector<RequestId> to_settle_;
  RequestId next_id_ = 1;
  std::size_t in_flight_ = 0;  // those left behind included

  bool loading_ = false;
  bool loaded_ = false;  // the seals of the last run are known
  bool reading_ = false;
  bool compacting_ = false;
  CompactionPace pace_;
  Receipt answered_ = 0;        // whoever waits for what is up to here has said so
  bool read_is_stale_ = false;  // operations came back to the backlog behind its start
  bool clock_is_due_ = false;   // events wait for their right time
  bool correcting_ = false;     // a step of that is under way
  bool stopping_ = false;
  struct Exporting {
    std::string id;
    Receipt through = 0;
    BootTime until{0};  ///< unless it is gone on with
  };
  std::optional<Exporting> exporting_;
  bool giving_up_ = false;     // what was exported is being removed
  Receipt cursor_ = 0;         // everything up to here was read, and is planned, sealed or settled
  Receipt flush_through_ = 0;  // no linger up to here
  std::optional<BootTime> unread_since_;
  BootTime planned_at_{0};
  std::size_t full_window_ = 0;   // operations in the plan; 0 when it reached the backlog's end
  BootTime storage_retry_at_{0};  // after the outbox refused something
  std::atomic<std::uint64_t> wanted_from_{0};

  mutable std::mutex status_mutex_;
  DeliveryStatus status_;  // under status_mutex_
};

}  // namespace flowmyna
