// How the foreman makes requests of what is ready in the plan, and has them sealed.

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "core/request.h"
#include "delivery/foreman.h"

namespace flowmyna {

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
  if (reader_.is_reading() || compaction_.is_under_way() || at < storage_retry_.at()) return;
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
  assert(!taken.items.empty() && !requests_.contains(id));
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
  if (!done) storage_retry_.refused("seal a request", done.error());
  for (const RequestId id : ids) {
    SealedRequest& request = requests_.at(id);
    assert(request.phase == Phase::kSealing && !request.is_sealed);
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

}  // namespace flowmyna
