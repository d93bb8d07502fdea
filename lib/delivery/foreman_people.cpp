// What people see of the foreman, and may ask of it.

#include <algorithm>

#include "delivery/foreman.h"

namespace flowmyna {
namespace {

// How often something fails while others succeed before people are told that it is stuck.
constexpr std::uint32_t kStuckAfter = 3;

}  // namespace

void Foreman::flush() {
  reader_.hurry_through(backlog_.stats().last_receipt);
  gate_.hurry(now());
  end_waits();
}

void Foreman::end_back_off() {
  gate_.end_back_off(now());
  end_waits();
}

void Foreman::pause() {
  gate_.pause();
}

void Foreman::resume() {
  hold_.end();
  gate_.resume(now());
  end_waits();
}

void Foreman::returned(Receipt lowest) {
  hold_.end();
  reader_.forget_plan(lowest);
  compaction_.start_anew();
}

/// Ends the waits of the endpoints and of the requests themselves.
void Foreman::end_waits() {
  const BootTime at = now();
  for (Endpoint& its : endpoints_) its.lane.hurry(at);
  for (auto& [id, request] : requests_) request.not_before = std::min(request.not_before, at);
}

/// Whether anything is under way, or could be now.
bool Foreman::can_do_anything(BootTime at) const {
  if (in_flight_ > 0 || reader_.is_reading() || reader_.ready_requests(at) > 0) return true;
  return std::ranges::any_of(requests_, [&](const auto& entry) {
    const SealedRequest& request = entry.second;
    return request.phase != Phase::kReady ||
           (request.not_before <= at && allowance(request.kind, at) > 0);
  });
}

/// The whole, from the gate down to the request that will be the next to go.
DeliveryState Foreman::state(BootTime at, std::optional<BootTime>& next,
                             std::string& last_error) const {
  next = gate_.next_change(at);
  last_error = gate_.last_error();
  const DeliveryState of_gate = gate_.state(at);
  if (of_gate != DeliveryState::kDelivering) return of_gate;
  if (backlog_.stats().pending() == 0) return DeliveryState::kIdle;
  const Endpoint* failing = nullptr;
  for (const Endpoint& its : endpoints_) {
    if (its.lane.state() == DeliveryState::kDelivering) continue;
    if (failing == nullptr || its.lane.next_change(at) < failing->lane.next_change(at)) {
      failing = &its;
    }
  }
  if (failing != nullptr) last_error = failing->lane.last_error();
  const bool others_deliver = failing != nullptr && one_delivers(at);
  if (failing != nullptr && !others_deliver) {
    next = failing->lane.next_change(at);
    return failing->lane.state();
  }
  if (can_do_anything(at)) return DeliveryState::kDelivering;
  for (const auto& [id, request] : requests_) {
    if (next && *next <= request.not_before) continue;
    next = request.not_before;
    last_error = request.last_error;
  }
  return next ? DeliveryState::kBackingOff : DeliveryState::kDelivering;
}

/// An endpoint that does not fail has something to do.
bool Foreman::one_delivers(BootTime at) const {
  return std::ranges::any_of(kAllKinds, [&](Kind kind) {
    if (endpoint(kind).lane.state() != DeliveryState::kDelivering) return false;
    return schedule_.ready(kind) > 0 || in_flight(kind, at) > 0;
  });
}

EndpointStatus Foreman::endpoint_status(Kind kind, BootTime at) const {
  const Lane& lane = endpoint(kind).lane;
  EndpointStatus status{lane.state(), {}, lane.last_error()};
  if (const auto next = lane.next_change(at)) status.next_attempt_in = *next - at;
  return status;
}

bool Foreman::is_stuck(const SealedRequest& request) const {
  const Record& record = request.record;
  return record.failures >= kStuckAfter && record.failing_since &&
         endpoint(request.kind).lane.delivered_since(*record.failing_since);
}

StuckItem Foreman::describe_stuck(const SealedRequest& request, std::size_t item,
                                  BootTime at) const {
  StuckItem stuck;
  stuck.members = request.items.members()[item];
  stuck.attempts = request.sends;
  stuck.status = request.last_status;
  stuck.reason = request.last_error;
  stuck.for_so_long = at - request.record.failing_since.value_or(at);
  stuck.next_attempt_in = std::max(BootTime(0), request.not_before - at);
  return stuck;
}

std::vector<StuckItem> Foreman::stuck(std::size_t items_max) const {
  std::vector<StuckItem> all;
  for (const auto& [id, request] : requests_) {
    if (!is_stuck(request)) continue;
    for (std::size_t i = 0; i < request.items.size(); ++i) {
      all.push_back(describe_stuck(request, i, now()));
    }
  }
  std::ranges::sort(all, {}, [](const StuckItem& stuck) { return stuck.members.front(); });
  if (all.size() > items_max) all.resize(items_max);
  return all;
}

void Foreman::publish(BootTime at) {
  std::optional<BootTime> next;
  DeliveryStatus told;
  told.state = state(at, next, told.last_error);
  if (next) told.next_attempt_in = std::max(BootTime(0), *next - at);
  for (const Kind kind : kAllKinds) told.endpoints[index_of(kind)] = endpoint_status(kind, at);
  for (const auto& [id, request] : requests_) {
    told.duplicates_unsettled += request.duplicates;
    if (!is_stuck(request)) continue;
    told.stuck_operations += request.operations();
    for (std::size_t i = 0; i < request.items.size(); ++i) {
      const Receipt first = request.items.members()[i].front();
      if (told.oldest_stuck && told.oldest_stuck->members.front() < first) continue;
      told.oldest_stuck = describe_stuck(request, i, at);
    }
  }
  board_.publish(std::move(told));
}

void Foreman::drop_pending(Receipt receipt, Done<void> done) {
  const auto holds = [receipt](const auto& entry) {
    return std::ranges::any_of(entry.second.items.members(), [receipt](const ItemMembers& item) {
      return std::ranges::binary_search(item, receipt);
    });
  };
  if (!loaded_ || compaction_.is_under_way() || correcting_ || hold_.is_held(now())) {
    return done(fail(Error::Kind::kBusy, "the outbox is at work on its backlog: try again"));
  }
  if (const auto it = std::ranges::find_if(requests_, holds); it != requests_.end()) {
    return drop_from(it->second, receipt, std::move(done));
  }
  reader_.forget_plan(receipt);
  hold_.begin_giving_up();  // until then nothing is read that may hold it
  backlog_.give_up({{receipt}, {}}, [this, receipt, done](const Result<std::uint64_t>& given_up) {
    post_([this, receipt, is_dropped = given_up && *given_up > 0] {
      hold_.end_giving_up();
      if (is_dropped) waiters_.report(dropped(receipt));
    });
    if (!given_up) return done(tl::make_unexpected(given_up.error()));
    if (*given_up == 0) return done(fail(Error::Kind::kInvalid, "nothing that waits has it"));
    done({});
  });
}

/// What travels with it goes on without it.
void Foreman::drop_from(SealedRequest& request, Receipt receipt, Done<void> done) {
  if (request.phase != Phase::kReady || !request.is_sealed) {
    return done(fail(Error::Kind::kBusy, "it is on its way to the API, whose answer decides"));
  }
  Successor rest{{}, request.record, request.not_before};
  for (std::size_t i = 0; i < request.items.size(); ++i) {
    ItemMembers members = request.items.members()[i];
    std::erase(members, receipt);
    if (!members.empty()) rest.items.add(std::move(members), request.items.touches_of(i));
  }
  // It may have been sent again before a restart: of what was not settled then nobody knows.
  const bool may_be_repeated = request.kind == Kind::kEvent && request.record.may_have_arrived;
  if (may_be_repeated && request.sends == 0) ++request.duplicates;
  request.settlement.dropped = {receipt};
  request.outcomes.push_back(dropped(receipt));
  request.on_dropped = std::move(done);
  if (rest.items.size() > 0) request.successors.push_back(std::move(rest));
  finish(request);
}

}  // namespace flowmyna
