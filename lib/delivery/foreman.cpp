#include "delivery/foreman.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/request.h"

namespace flowmyna {
namespace {

// How many requests may lie sealed in all, as a multiple of those in flight: those that fail again
// and again wait here without holding up the others, and restarting reads them all.
constexpr std::size_t kSealedMaxFactor = 8;

void earliest(std::optional<BootTime>& deadline, std::optional<BootTime> candidate) {
  if (candidate && (!deadline || *candidate < *deadline)) deadline = candidate;
}

// How many requests may be in flight in all, as a multiple of those that count: what an earlier
// network left behind ends by its own timeouts.
constexpr std::size_t kLeftBehindFactor = 2;

// A health answer younger than this is not asked for again: those who poll us are not passed on.
constexpr std::chrono::seconds kHealthFresh{10};

// How soon a synchronised clock is noticed while nothing else happens.
constexpr std::chrono::seconds kClockInterval{5};

}  // namespace

Foreman::Foreman(ForemanOptions options, Outbox& outbox, Transport& transport, const Clock& clock,
                 Post post, MakeKey make_key)
    : options_(std::move(options)),
      outbox_(outbox),
      transport_(transport),
      clock_(clock),
      post_(std::move(post)),
      make_key_(std::move(make_key)),
      gate_(options_.backoff, options_.seed),
      bucket_(options_.requests_per_minute_max),
      random_(options_.seed + 1),
      pace_(options_.compact_operations) {}

std::optional<BootTime> Foreman::advance() {
  const BootTime at = now();
  waiters_.expire(at);
  notice_clock();
  if (is_exporting(at)) {
    publish(at);
    std::optional<BootTime> deadline = waiters_.next_deadline();
    if (exporting_) earliest(deadline, exporting_->until);
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
    seal_ready(at);
    send_ready(at);
    read_more(at);
    compact(at);
  }
  publish(at);
  // Whoever accepts looks at the mark after it was set, or here is seen to have passed it.
  wanted_from_ = next_wanted(at, outbox_.stats().accepted);
  return wants(outbox_.stats().accepted) ? at : next_deadline(at);
}

std::size_t Foreman::allowance(BootTime at) const {
  return gate_.allowance(at, options_.in_flight_max);
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
    gate_.probe_answered(verdict, sent_at, now());
    if (verdict.action == Verdict::Action::kSettle) {
      // While something waits, only its delivery says that the way is open.
      if (outbox_.stats().pending() == 0) log_reached();
      const std::lock_guard lock(status_mutex_);
      status_.health_body = answer.body;
      status_.health_at = now();
    } else {
      log_failure("the API cannot be reached", verdict.reason);
      drop_plan(0);
    }
  });
}

/// Told once for each kind of reason; the same again is for whoever looks closely.
void Foreman::log_failure(const std::string& what, const std::string& reason) {
  const auto level = outage_log_.failed(reason) ? spdlog::level::warn : spdlog::level::debug;
  spdlog::log(level, "{}: {}", what, reason);
}

void Foreman::log_reached() {
  if (outage_log_.reached()) spdlog::info("the API is reached again");
}

void Foreman::refresh_health() {
  const BootTime at = now();
  const DeliveryStatus last = status();
  const bool is_fresh = !last.health_body.empty() && at - last.health_at < kHealthFresh;
  // While the gate is closed it asks by itself.
  if (is_fresh || stopping_ || gate_.is_probing() || allowance(at) == 0) return;
  if (bucket_.take(at)) send_probe();
}

/// Left under a network that is no more, long enough ago: its answer may yet come, but nothing that
/// does not depend on it waits for that.
bool Foreman::is_left_behind(const Request& request, BootTime at) const {
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

/// One round of requests waits sealed while another is in flight, so no sender waits for a sync; on
/// trial only one goes, and the rest stays free to coalesce.
bool Foreman::has_room(BootTime at) const {
  const std::size_t allowed = allowance(at);
  const std::size_t limit = allowed <= 1 ? allowed : 2 * allowed;
  const auto waits = std::ranges::count_if(requests_, [&](const auto& entry) {
    const Request& request = entry.second;
    return (request.phase == Phase::kReady && request.not_before > at) ||
           is_left_behind(request, at);
  });
  const std::size_t active = requests_.size() - static_cast<std::size_t>(waits);
  return active < limit && requests_.size() < kSealedMaxFactor * options_.in_flight_max;
}

void Foreman::seal_ready(BootTime at) {
  // A read under way was told what is sealed; sealing more now would let it read that again.
  if (reading_ || compacting_ || at < storage_retry_at_) return;
  std::vector<Seal> seals;
  while (schedule_.has_ready() && has_room(at)) {
    const RequestId id = next_id_++;
    Schedule::Taken taken = schedule_.take(id);
    Request& request = requests_[id];
    request.touches = std::move(taken.request.touches);
    request.seal = {id, taken.request.kind, make_key_(), {}};
    std::vector<RequestItem> items;
    for (const auto& planned : taken.request.items) {
      ItemMembers members;
      RequestItem item;
      for (const std::uint32_t index : planned) {
        members.push_back(taken.batch->window.rows()[index].receipt);
        item.push_back(&taken.batch->operations[index]);
      }
      request.seal.items.push_back(std::move(members));
      items.push_back(std::move(item));
    }
    request.body = batch_body(request.seal.kind, items);
    seals.push_back(request.seal);
  }
  if (!seals.empty()) seal(std::move(seals));
}

void Foreman::seal(std::vector<Seal> seals) {
  std::vector<RequestId> ids;
  for (const Seal& seal : seals) ids.push_back(seal.id);
  outbox_.seal(std::move(seals), [this, ids = std::move(ids)](const Result<void>& done) {
    post_([this, ids, done] {
      if (done) {
        for (const RequestId id : ids) {
          requests_.at(id).is_sealed = true;
          requests_.at(id).phase = Phase::kReady;
        }
        return;
      }
      // An I/O error leaves it open whether the seal is on the disk. Settling nothing makes sure
      // that it is not, and returns the operations to the backlog.
      outbox_refused("seal a request", done.error());
      for (const RequestId id : ids) finish(requests_.at(id));
    });
  });
}

/// Among the requests that may go: the one that failed least, then the oldest; so one that fails
/// again and again does not keep the others from going first.
Foreman::Request* Foreman::next_to_send(BootTime at) {
  Request* best = nullptr;
  for (auto& [id, request] : requests_) {
    if (request.phase != Phase::kReady || request.not_before > at) continue;
    if (best == nullptr || request.failures < best->failures) best = &request;
  }
  return best;
}

void Foreman::send_ready(BootTime at) {
  while (in_flight(at) < allowance(at)) {
    Request* request = next_to_send(at);
    if (request == nullptr || !bucket_.take(at)) return;
    send(*request, at);
  }
}

void Foreman::send(Request& request, BootTime at) {
  request.phase = Phase::kInFlight;
  request.sent_at = at;
  gate_.request_sent(at);
  ++in_flight_;
  OutgoingRequest outgoing;
  outgoing.id = request.seal.id;
  outgoing.path = std::string(batch_endpoint(request.seal.kind));
  outgoing.idempotency_key = request.seal.idempotency_key;
  outgoing.may_be_repeated = request.seal.kind == Kind::kUpsert;
  outgoing.body = &request.body;
  transport_.send(outgoing,
                  [this, id = request.seal.id](const Answer& answer) { on_answer(id, answer); });
}

/// Forgets the schedule; whatever was in it, and operations from `lowest_returned` on (0: none),
/// will be read again.
void Foreman::drop_plan(Receipt lowest_returned) {
  // A read under way was told to leave out what returns.
  if (reading_ && lowest_returned != 0) read_is_stale_ = true;
  for (const Receipt lowest : {schedule_.lowest(), lowest_returned}) {
    if (lowest != 0) cursor_ = std::min(cursor_, lowest - 1);
  }
  schedule_.clear();
}

bool Foreman::is_building() const {
  return std::ranges::any_of(requests_, [](const auto& entry) {
    return entry.second.phase == Phase::kUnbuilt || entry.second.phase == Phase::kFetching;
  });
}

void Foreman::outbox_refused(std::string_view what, const Error& error) {
  spdlog::error("cannot {}: {}", what, error.message);
  storage_retry_at_ = now() + kStorageRetry;
}

void Foreman::flush() {
  flush_through_ = std::max(flush_through_, outbox_.stats().accepted);
  gate_.hurry(now());
  end_waits();
}

void Foreman::pause() {
  gate_.pause();
}
void Foreman::resume() {
  exporting_.reset();
  gate_.resume(now());
  end_waits();
}

/// Of the requests themselves, which may be longer than the gate's: after a 429 up to an hour.
void Foreman::end_waits() {
  const BootTime at = now();
  for (auto& [id, request] : requests_) request.not_before = std::min(request.not_before, at);
}

void Foreman::network_changed() {
  const BootTime at = now();
  gate_.network_changed(at);
  transport_.network_changed();
  for (auto& [id, request] : requests_) {
    request.not_before = std::min(request.not_before, std::max(at, request.not_before_at_least));
  }
}

void Foreman::network_lost() {
  transport_.network_changed();
}

void Foreman::key_changed() {
  gate_.key_changed(now());
}

bool Foreman::is_quiet() const {
  return in_flight_ == 0 && std::ranges::none_of(requests_, [](const auto& entry) {
           return entry.second.phase == Phase::kSettling;
         });
}

std::optional<BootTime> Foreman::next_deadline(BootTime at) {
  std::optional<BootTime> deadline = waiters_.next_deadline();
  const bool wants_outbox = (!loaded_ && !loading_) || !to_settle_.empty() || may_correct_clock() ||
                            std::ranges::any_of(requests_, [](const auto& entry) {
                              return entry.second.phase == Phase::kUnbuilt;
                            });
  if (wants_outbox) earliest(deadline, storage_retry_at_);
  if (!clock_is_due_ && outbox_.stats().unsynced_from != 0) earliest(deadline, at + kClockInterval);
  if (!loaded_ || stopping_) return deadline;
  earliest(deadline, gate_.next_change(at));
  earliest(deadline, read_due(at));
  earliest(deadline, pace_.pause_ends(at));
  const bool may_send = in_flight(at) < allowance(at);
  for (const auto& [id, request] : requests_) {
    if (may_send && request.phase == Phase::kReady) {
      earliest(deadline, std::max(request.not_before, bucket_.ready_at(at)));
    }
    const bool makes_room_soon = request.phase == Phase::kInFlight &&
                                 gate_.is_of_old_network(request.sent_at) &&
                                 !is_left_behind(request, at);
    if (makes_room_soon) earliest(deadline, gate_.overtaken_at(request.sent_at));
  }
  if (schedule_.has_ready() && !reading_ && has_room(at)) earliest(deadline, storage_retry_at_);
  if (gate_.wants_probe(at)) earliest(deadline, bucket_.ready_at(at));
  return deadline;
}

/// The request that will be the next to go while all there is to deliver failed before and waits;
/// nothing while anything else can be done.
const Foreman::Request* Foreman::all_wait_for(BootTime at) const {
  if (schedule_.has_ready() || in_flight_ > 0) return nullptr;
  const Request* next = nullptr;
  for (const auto& [id, request] : requests_) {
    if (request.phase != Phase::kReady || request.not_before <= at) return nullptr;
    if (next == nullptr || request.not_before < next->not_before) next = &request;
  }
  return next;
}

void Foreman::publish(BootTime at) {
  DeliveryState state = gate_.state(at);
  auto next = gate_.next_change(at);
  std::string last_error = gate_.last_error();
  if (state == DeliveryState::kDelivering) {
    if (outbox_.stats().pending() == 0) {
      state = DeliveryState::kIdle;
    } else if (const Request* waiting = all_wait_for(at)) {
      state = DeliveryState::kBackingOff;
      next = waiting->not_before;
      last_error = waiting->last_error;
    }
  }
  const std::lock_guard lock(status_mutex_);
  status_.state = state;
  status_.next_attempt_in = next ? std::optional(*next - at) : std::nullopt;
  status_.last_error = std::move(last_error);
}

DeliveryStatus Foreman::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

}  // namespace flowmyna
