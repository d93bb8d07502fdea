#include "delivery/foreman.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "core/request.h"

namespace flowmyna {
namespace {

// How many requests may be in flight in all, as a multiple of those that count: what an earlier
// network left behind ends by its own timeouts.
constexpr std::size_t kLeftBehindFactor = 2;

// An endpoint that was used so recently keeps its share of what may be in flight.
constexpr std::chrono::minutes kInUse{1};

// A health answer younger than this is not asked for again: those who poll us are not passed on.
constexpr std::chrono::seconds kHealthFresh{10};

// How soon a synchronised clock is noticed while nothing else happens.
constexpr std::chrono::seconds kClockInterval{5};

void earliest(std::optional<BootTime>& deadline, std::optional<BootTime> candidate) {
  if (candidate && (!deadline || *candidate < *deadline)) deadline = candidate;
}

constexpr Kind other(Kind kind) {
  return kind == Kind::kUpsert ? Kind::kEvent : Kind::kUpsert;
}

}  // namespace

Foreman::Foreman(ForemanOptions options, Sides sides)
    : options_(std::move(options)),
      backlog_(sides.backlog),
      transport_(sides.transport),
      clock_(sides.clock),
      board_(sides.board),
      post_(std::move(sides.post)),
      make_key_(std::move(sides.make_key)),
      gate_(options_.backoff, options_.seed),
      endpoints_{Endpoint(options_, options_.seed + 2), Endpoint(options_, options_.seed + 3)},
      bucket_(options_.requests_per_minute_max),
      random_(options_.seed + 1),
      pace_(options_.compact_operations) {}

std::optional<BootTime> Foreman::advance() {
  const BootTime at = now();
  waiters_.expire(at);
  notice_clock();
  if (hold_.is_held(at)) {
    publish(at);
    std::optional<BootTime> deadline = waiters_.next_deadline();
    earliest(deadline, hold_.until());
    return deadline;
  }
  if (at >= storage_retry_at_) {
    if (!loaded_) load_seals();
    correct_clock();
    build_unbuilt();
    settle_finished();
  }
  if (loaded_ && !stopping_) {
    probe(at);
    look_again(at);
    seal_ready(at);
    read_more(at);
    send_ready(at);
    compact(at);
  }
  publish(at);
  board_.want_from(next_wanted(at, backlog_.stats().last_receipt));
  return next_deadline(at);
}

void Foreman::probe(BootTime at) {
  if (gate_.wants_probe(at) && bucket_.take(at)) send_probe();
}

void Foreman::send_probe() {
  const BootTime sent_at = now();
  gate_.probe_sent(sent_at);
  OutgoingRequest request;
  request.is_get = true;
  request.path = "/health";
  transport_.send(request, [this, sent_at](const Answer& answer) {
    const Verdict verdict = judge_health(answer, unix_s());
    const bool is_answered = answer.delivery == Answer::Delivery::kAnswered;
    gate_.probe_answered(verdict, is_answered, sent_at, now());
    if (verdict.action == Verdict::Action::kSettle) {
      // While something waits, only its delivery says that the way is open.
      if (backlog_.stats().pending() == 0) log_reached();
      board_.health_answered(answer.body, now());
    } else {
      log_failure("the API cannot be reached", verdict.reason);
      const bool is_believed = !gate_.is_open(now());  // nothing has proved it wrong since
      if (is_believed && (verdict.is_of_path || !is_answered)) lose_network();
      plan_anew();
    }
  });
}

/// What failed failed for want of a network. What surely did not arrive is unsealed, so that it can
/// merge with what comes; but not what the API has failed before, which would be tried as if for
/// the first time, before all else; nor the parts of what was divided, which would be put together
/// again.
void Foreman::lose_network() {
  for (Endpoint& its : endpoints_) its.lane.lost_network();
  for (auto& [id, request] : requests_) {
    const bool is_sealed_only = request.phase == Phase::kReady && request.is_sealed;
    if (is_sealed_only && request.is_fresh() && !request.record.may_have_arrived) finish(request);
  }
}

/// Told once for each kind of reason; the same again is for whoever looks closely.
void Foreman::log_failure(const std::string& what, const std::string& reason) {
  const auto level = outage_log_.failed(reason) ? spdlog::level::warn : spdlog::level::debug;
  spdlog::log(level, "{}: {}", what, reason);
}

/// News only once nothing fails any more: what is stuck is tried beside all that succeeds.
void Foreman::log_reached() {
  const auto fails = [](const auto& entry) { return entry.second.is_failing(); };
  if (outage_log_.is_told() && std::ranges::any_of(requests_, fails)) return;
  if (outage_log_.reached()) spdlog::info("the API is reached again");
}

void Foreman::refresh_health() {
  const BootTime at = now();
  const DeliveryStatus last = board_.status();
  const bool is_fresh = !last.health_body.empty() && at - last.health_at < kHealthFresh;
  // While the gate is closed it asks by itself.
  if (is_fresh || stopping_ || gate_.is_probing() || !gate_.is_open(at)) return;
  if (bucket_.take(at)) send_probe();
}

/// How many requests of a kind may be in flight.
std::size_t Foreman::allowance(Kind kind, BootTime at) const {
  if (!gate_.is_open(at)) return 0;
  return endpoint(kind).lane.allowance(at, share_of(kind, at));
}

bool Foreman::allows_any(BootTime at) const {
  return std::ranges::any_of(kAllKinds, [&](Kind kind) { return allowance(kind, at) > 0; });
}

/// Where both endpoints are in use neither may fill all places: one that hangs would hold up the
/// other.
std::size_t Foreman::share_of(Kind kind, BootTime at) const {
  const std::size_t all = options_.in_flight_max;
  const Endpoint& neighbour = endpoint(other(kind));
  const bool is_used =
      schedule_.ready(other(kind)) > 0 || (neighbour.sent_at && at - *neighbour.sent_at < kInUse);
  return is_used && all > 1 ? all - std::max<std::size_t>(1, all / 4) : all;
}

/// Left under a network that is no more, long enough ago: its answer may yet come, but nothing that
/// does not depend on it waits for that.
bool Foreman::is_left_behind(const SealedRequest& request, BootTime at) const {
  return request.phase == Phase::kInFlight && gate_.is_of_old_network(request.sent_at) &&
         gate_.overtaken_at(request.sent_at) <= at;
}

/// The requests in flight that count.
std::size_t Foreman::in_flight(BootTime at) const {
  const auto left_behind = std::ranges::count_if(
      requests_, [&](const auto& entry) { return is_left_behind(entry.second, at); });
  const std::size_t all_max = kLeftBehindFactor * options_.in_flight_max;
  if (in_flight_ >= all_max) return options_.in_flight_max;
  return in_flight_ - static_cast<std::size_t>(left_behind);
}

std::size_t Foreman::in_flight(Kind kind, BootTime at) const {
  return static_cast<std::size_t>(std::ranges::count_if(requests_, [&](const auto& entry) {
    const SealedRequest& request = entry.second;
    return request.kind == kind && request.phase == Phase::kInFlight &&
           !is_left_behind(request, at);
  }));
}

/// Full requests wait sealed while as many are in flight, so no sender waits for a sync. One that
/// is not full would only be smaller than it has to be; on trial the rest stays free to coalesce;
/// and events that are held when their outcome is unknown are not sealed before they may leave.
bool Foreman::may_seal(Kind kind, BootTime at) const {
  const std::size_t allowed = allowance(kind, at);
  if (allowed == 0) return false;
  const Endpoint& its = endpoint(kind);
  if (its.lane.is_on_trial() && its.failed_is_next && is_failing_one_due(kind, at)) return false;
  const bool is_full = fills_request(kind);
  const bool was_passed_over = its.passed_over >= options_.in_flight_max;
  if (!is_full && !was_passed_over && bucket_.ready_at(at) > at) return false;
  const bool is_ahead = is_full && allowed > 1 && !(options_.hold_unknown && kind == Kind::kEvent);
  std::size_t sealed = 0;
  std::size_t active = 0;
  for (const auto& [id, request] : requests_) {
    if (request.kind != kind) continue;
    ++sealed;
    const bool waits =
        request.phase == Phase::kReady && (request.is_failing() || request.not_before > at);
    if (!waits && !is_left_behind(request, at)) ++active;
  }
  return sealed < options_.sealed_max && active < (is_ahead ? 2 * allowed : allowed);
}

Schedule::Limits Foreman::limits(Kind kind) const {
  const Endpoint& its = endpoint(kind);
  const bool is_for_hold = its.lane.is_on_trial() && options_.hold_unknown && kind == Kind::kEvent;
  const bool is_one = is_for_hold || its.lane.is_searching();
  return {is_one ? 1 : options_.plan.items_max, its.size.bytes_max()};
}

bool Foreman::fills_request(Kind kind) const {
  return schedule_.fills(kind, limits(kind));
}

/// Of which kind the next request is made: of that whose oldest operation is the older one; but a
/// request that would not be full is passed over for full ones, for one round.
std::optional<Kind> Foreman::next_to_fill(BootTime at) const {
  const auto can_fill = [&](Kind kind) { return schedule_.ready(kind) > 0 && may_seal(kind, at); };
  const bool upserts = can_fill(Kind::kUpsert);
  const bool events = can_fill(Kind::kEvent);
  if (!upserts && !events) return std::nullopt;
  if (upserts != events) return upserts ? Kind::kUpsert : Kind::kEvent;
  const bool upserts_are_older =
      schedule_.oldest_ready(Kind::kUpsert) < schedule_.oldest_ready(Kind::kEvent);
  const Kind older = upserts_are_older ? Kind::kUpsert : Kind::kEvent;
  const bool may_pass_over = !fills_request(older) && fills_request(other(older)) &&
                             endpoint(older).passed_over < options_.in_flight_max;
  return may_pass_over ? other(older) : older;
}

void Foreman::seal_ready(BootTime at) {
  // A read under way was told what is sealed; sealing more now would let it read that again.
  if (reading_ || compacting_ || at < storage_retry_at_) return;
  std::vector<Seal> seals;
  while (const auto kind = next_to_fill(at)) {
    endpoint(*kind).passed_over = 0;
    if (schedule_.ready(other(*kind)) > 0) ++endpoint(other(*kind)).passed_over;
    seals.push_back(fill(*kind).seal());
  }
  if (!seals.empty()) seal(std::move(seals));
}

SealedRequest& Foreman::fill(Kind kind) {
  const RequestId id = next_id_++;
  Schedule::Taken taken = endpoint(kind).lane.is_searching()
                              ? take_on_search(kind, id)
                              : schedule_.take(kind, id, limits(kind));
  SealedRequest& request = requests_[id];
  request.id = request.record.root = id;
  request.kind = kind;
  request.idempotency_key = make_key_();
  std::vector<Touch> touches;
  for (std::size_t i = 0; i < taken.items.size(); ++i) {
    touches.clear();
    // All members of an upsert touch the same object.
    append_touches(touches, *taken.items[i].front(), options_.plan);
    request.items.add(std::move(taken.members[i]), touches);
  }
  request.body = batch_body(kind, taken.items);
  return request;
}

/// What nobody takes may stand side by side at the head of the backlog, or be nearly all of it and
/// of one object. So any item is drawn; and every second time, where there is one, of those that
/// have no object in common with what failed.
Schedule::Taken Foreman::take_on_search(Kind kind, RequestId id) {
  const std::uint64_t number = random_();
  const bool is_of_others = number % 2 == 0;
  std::vector<Touch> avoided;
  for (const auto& [other_id, request] : requests_) {
    if (!is_of_others || request.kind != kind || !request.is_failing()) continue;
    std::ranges::copy(request.items.touches(), std::back_inserter(avoided));
  }
  return schedule_.take_any(kind, id, number / 2, avoided, options_.plan);
}

void Foreman::seal(std::vector<Seal> seals) {
  std::vector<RequestId> ids;
  for (const Seal& seal : seals) ids.push_back(seal.id);
  backlog_.seal(std::move(seals), [this, ids = std::move(ids)](const Result<void>& done) {
    post_([this, ids, done] { on_sealed(ids, done); });
  });
}

void Foreman::on_sealed(const std::vector<RequestId>& ids, const Result<void>& done) {
  // An I/O error leaves it open whether the seal is on the disk. Settling nothing makes sure that
  // it is not, and returns the operations to the backlog.
  if (!done) outbox_refused("seal a request", done.error());
  for (const RequestId id : ids) {
    SealedRequest& request = requests_.at(id);
    request.is_sealed = done.has_value();
    request.phase = Phase::kReady;
    if (!done || stopping_) finish(request);
  }
}

bool Foreman::is_failing_one_due(Kind kind, BootTime at) const {
  return std::ranges::any_of(requests_, [&](const auto& entry) {
    const SealedRequest& request = entry.second;
    return request.kind == kind && request.phase == Phase::kReady && !request.is_fresh() &&
           request.not_before <= at;
  });
}

/// Something that has not failed will soon be ready to leave, be it a part of what has.
bool Foreman::is_fresh_coming(Kind kind, bool is_all_read, BootTime at) const {
  const bool is_to_be_read = reading_ || read_due(at) || is_read_put_off();
  if (is_to_be_read && !is_all_read) return true;
  if (schedule_.ready(kind) > 0 && may_seal(kind, at)) return true;
  return std::ranges::any_of(requests_, [&](const auto& entry) {
    const SealedRequest& request = entry.second;
    return request.kind == kind && request.phase < Phase::kReady && !request.is_failing();
  });
}

/// Fresh work in turn with what failed; of what failed, that which failed least, then the oldest.
/// The last place is kept for fresh work that is on its way to it: that of the endpoint, and the
/// last of all, for the other endpoint as well.
SealedRequest* Foreman::next_to_send(Kind kind, BootTime at) {
  SealedRequest* fresh = nullptr;
  SealedRequest* failed = nullptr;
  for (auto& [id, request] : requests_) {
    if (request.kind != kind) continue;
    if (request.phase != Phase::kReady || request.not_before > at) continue;
    if (request.is_fresh()) {
      if (fresh == nullptr) fresh = &request;
    } else if (failed == nullptr || request.record.failures < failed->record.failures) {
      failed = &request;
    }
  }
  Endpoint& its = endpoint(kind);
  if (failed == nullptr || (fresh != nullptr && !its.failed_is_next)) return fresh;
  const bool is_last_place = in_flight(kind, at) + 1 >= allowance(kind, at);
  const bool waits_for_own = fresh == nullptr && is_last_place && !its.failed_is_next;
  const bool waits_for_other = last_sent_ == kind && in_flight(at) + 1 >= options_.in_flight_max;
  const bool is_all_read = its.giving_way && its.giving_way->is_over;
  const bool gives_way = (waits_for_own && is_fresh_coming(kind, is_all_read, at)) ||
                         (waits_for_other && is_fresh_coming(other(kind), is_all_read, at));
  if (!gives_way) return failed;
  if (!its.giving_way) its.giving_way = {backlog_.stats().last_receipt, at};
  return nullptr;
}

/// The endpoints take turns, for there may be places and a rate for one of them only.
void Foreman::send_ready(BootTime at) {
  for (const Kind kind : kAllKinds) {
    if (allowance(kind, at) == 0) endpoint(kind).giving_way.reset();
  }
  while (send_next(other(last_sent_), at) || send_next(last_sent_, at)) continue;
}

bool Foreman::send_next(Kind kind, BootTime at) {
  if (in_flight(at) >= options_.in_flight_max || in_flight(kind, at) >= allowance(kind, at)) {
    return false;
  }
  SealedRequest* request = next_to_send(kind, at);
  if (request == nullptr) return false;
  if (request->body.empty()) {
    request->phase = Phase::kUnbuilt;
    return true;
  }
  if (!bucket_.take(at)) return false;
  send(*request, at);
  return true;
}

void Foreman::send(SealedRequest& request, BootTime at) {
  Endpoint& its = endpoint(request.kind);
  last_sent_ = request.kind;
  its.failed_is_next = request.is_fresh();
  its.sent_at = at;
  const bool is_all_read = its.giving_way && its.giving_way->is_over;
  its.giving_way.reset();
  request.was_only_choice = its.lane.is_on_trial() && schedule_.ready(request.kind) == 0 &&
                            (is_all_read || !has_unread());
  request.phase = Phase::kInFlight;
  request.sent_at = at;
  const bool is_counted = std::exchange(request.record.is_counted, false);
  if (request.kind == Kind::kEvent && request.record.may_have_arrived && !is_counted) {
    request.duplicates += request.items.size();
  }
  if (!std::exchange(request.record.is_doubt_counted, true))
    request.duplicates += doubtful(request);
  gate_.request_sent(at);
  ++in_flight_;
  OutgoingRequest outgoing;
  outgoing.id = request.id;
  outgoing.path = std::string(batch_endpoint(request.kind));
  outgoing.idempotency_key = request.idempotency_key;
  outgoing.may_be_repeated = request.kind == Kind::kUpsert;
  outgoing.body = &request.body;
  transport_.send(outgoing,
                  [this, id = request.id](const Answer& answer) { on_answer(id, answer); });
}

/// Events of a request that leaves for the first time, but may have been delivered before an older
/// copy of the outbox was put back. (Where they are to be held, the outbox did so when it was.)
std::size_t Foreman::doubtful(const SealedRequest& request) const {
  if (request.kind != Kind::kEvent || request.record.may_have_arrived || options_.hold_unknown) {
    return 0;
  }
  const Receipt through = backlog_.stats().doubtful_through;
  return static_cast<std::size_t>(std::ranges::count_if(
      request.items.members(),
      [through](const ItemMembers& item) { return item.front() <= through; }));
}

/// Without its touches nothing can be planned around it.
bool Foreman::is_building() const {
  return std::ranges::any_of(requests_,
                             [](const auto& entry) { return !entry.second.knows_touches; });
}

void Foreman::outbox_refused(std::string_view what, const Error& error) {
  spdlog::error("cannot {}: {}", what, error.message);
  storage_retry_at_ = now() + kStorageRetry;
}

void Foreman::network_changed() {
  const BootTime at = now();
  gate_.network_changed(at);
  transport_.network_changed();
  for (Endpoint& its : endpoints_) its.lane.network_changed(at);
  for (auto& [id, request] : requests_) {
    request.not_before = std::min(request.not_before, std::max(at, request.not_before_at_least));
  }
}

void Foreman::network_lost() {
  transport_.network_changed();
}

void Foreman::key_changed() {
  const BootTime at = now();
  gate_.key_changed(at);
  for (Endpoint& its : endpoints_) its.lane.key_changed(at);
}

/// What is sealed may have left, for whoever starts next: what never did is unsealed.
void Foreman::stop() {
  if (std::exchange(stopping_, true) || hold_.is_held(now())) return;
  for (auto& [id, request] : requests_) {
    const bool is_at_rest =
        request.phase == Phase::kReady || (request.phase == Phase::kUnbuilt && request.is_sealed);
    if (is_at_rest && !request.record.may_have_arrived) finish(request);
  }
}

bool Foreman::is_quiet() const {
  return in_flight_ == 0 && std::ranges::none_of(requests_, [](const auto& entry) {
           const Phase phase = entry.second.phase;
           return phase == Phase::kSettling || phase == Phase::kSealing;
         });
}

std::optional<BootTime> Foreman::next_deadline(BootTime at) {
  std::optional<BootTime> deadline = waiters_.next_deadline();
  const bool wants_outbox = (!loaded_ && !loading_) || !to_settle_.empty() || may_correct_clock() ||
                            std::ranges::any_of(requests_, [](const auto& entry) {
                              return entry.second.phase == Phase::kUnbuilt;
                            });
  if (wants_outbox) earliest(deadline, storage_retry_at_);
  if (!clock_is_due_ && backlog_.stats().unsynced_from != 0)
    earliest(deadline, at + kClockInterval);
  if (!loaded_ || stopping_) return deadline;
  earliest(deadline, gate_.next_change(at));
  earliest(deadline, read_due(at));
  earliest(deadline, look_again_due());
  earliest(deadline, pace_.pause_ends(at));
  if (gate_.wants_probe(at)) earliest(deadline, bucket_.ready_at(at));
  for (const Kind kind : kAllKinds) earliest(deadline, next_deadline(kind, at));
  for (const auto& [id, request] : requests_) {
    const bool makes_room_soon = request.phase == Phase::kInFlight &&
                                 gate_.is_of_old_network(request.sent_at) &&
                                 !is_left_behind(request, at);
    if (makes_room_soon) earliest(deadline, gate_.overtaken_at(request.sent_at));
  }
  return deadline;
}

/// When something more can be done for one endpoint.
std::optional<BootTime> Foreman::next_deadline(Kind kind, BootTime at) {
  if (!gate_.is_open(at)) return std::nullopt;
  std::optional<BootTime> deadline = endpoint(kind).lane.next_change(at);
  if (allowance(kind, at) == 0) return deadline;
  const bool can_be_sealed = schedule_.ready(kind) > 0 && !reading_ && !compacting_;
  if (can_be_sealed && may_seal(kind, at)) earliest(deadline, storage_retry_at_);
  if (can_be_sealed && bucket_.ready_at(at) > at) earliest(deadline, bucket_.ready_at(at));
  if (in_flight(at) >= options_.in_flight_max || in_flight(kind, at) >= allowance(kind, at)) {
    return deadline;
  }
  if (next_to_send(kind, at) != nullptr) earliest(deadline, bucket_.ready_at(at));
  for (const auto& [id, request] : requests_) {
    const bool waits = request.phase == Phase::kReady && request.not_before > at;
    if (request.kind == kind && waits) earliest(deadline, request.not_before);
  }
  return deadline;
}

}  // namespace flowmyna
