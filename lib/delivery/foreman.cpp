#include "delivery/foreman.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
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
      storage_retry_(clock_),
      compaction_(options_, {backlog_, clock_, post_, storage_retry_}),
      reader_(options_, {backlog_, clock_, post_, storage_retry_, compaction_, requests_, waiters_,
                         schedule_, *this}) {}

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
  if (at >= storage_retry_.at()) {
    if (!loaded_) load_seals();
    correct_clock();
    build_unbuilt();
    settle_finished();
  }
  if (loaded_ && !stopping_) {
    probe(at);
    reader_.look_again(at);
    seal_ready(at);
    reader_.read_more(at);
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
      reader_.plan_anew();
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
  if (wants_outbox) earliest(deadline, storage_retry_.at());
  if (!clock_is_due_ && backlog_.stats().unsynced_from != 0)
    earliest(deadline, at + kClockInterval);
  if (!loaded_ || stopping_) return deadline;
  earliest(deadline, gate_.next_change(at));
  earliest(deadline, reader_.read_due(at));
  earliest(deadline, reader_.look_again_due());
  earliest(deadline, compaction_.pause_ends(at));
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
  const bool can_be_sealed =
      schedule_.ready(kind) > 0 && !reader_.is_reading() && !compaction_.is_under_way();
  if (can_be_sealed && may_seal(kind, at)) earliest(deadline, storage_retry_.at());
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

/// How many operations have to be accepted before one more makes a difference to `advance`; what
/// comes before that is met at the next deadline, or with a callback.
std::uint64_t Foreman::next_wanted(BootTime at, std::uint64_t accepted) const {
  if (reader_.is_reading() || compaction_.is_under_way() || reader_.is_building()) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  const std::uint64_t wanted = allows_any(at) ? reader_.read_from() : compaction_.due_from(at);
  return std::max(wanted, accepted + 1);
}

}  // namespace flowmyna
