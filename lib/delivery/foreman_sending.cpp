// Which sealed request leaves next, and what is noted when it does.

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "core/request.h"
#include "delivery/foreman.h"

namespace flowmyna {

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

/// Fresh work in turn with what failed; of what failed, that which failed least, then the oldest.
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
  if (!must_give_way(kind, fresh != nullptr, at)) return failed;
  if (!its.giving_way) its.giving_way = {backlog_.stats().last_receipt, at};
  return nullptr;
}

/// The last place is kept for fresh work that is on its way to it: that of the endpoint, and the
/// last of all, for the other endpoint as well.
bool Foreman::must_give_way(Kind kind, bool is_fresh_ready, BootTime at) const {
  const Endpoint& its = endpoint(kind);
  const bool is_last_place = in_flight(kind, at) + 1 >= allowance(kind, at);
  const bool waits_for_own = !is_fresh_ready && is_last_place && !its.failed_is_next;
  const bool waits_for_other = last_sent_ == kind && in_flight(at) + 1 >= options_.in_flight_max;
  const bool is_all_read = its.giving_way && its.giving_way->is_over;
  return (waits_for_own && is_fresh_coming(kind, is_all_read, at)) ||
         (waits_for_other && is_fresh_coming(other(kind), is_all_read, at));
}

/// Something that has not failed will soon be ready to leave, be it a part of what has.
bool Foreman::is_fresh_coming(Kind kind, bool is_all_read, BootTime at) const {
  const bool is_to_be_read = reader_.is_reading() || reader_.read_due(at) || reader_.is_put_off();
  if (is_to_be_read && !is_all_read) return true;
  if (schedule_.ready(kind) > 0 && may_seal(kind, at)) return true;
  return std::ranges::any_of(requests_, [&](const auto& entry) {
    const SealedRequest& request = entry.second;
    return request.kind == kind && request.phase < Phase::kReady && !request.is_failing();
  });
}

/// Whether what failed has given way for long enough: what a look reads in vain it would read in
/// vain again.
void Foreman::looked(bool is_in_vain) {
  for (Endpoint& its : endpoints_) {
    if (!its.giving_way) continue;
    its.giving_way->is_over |=
        is_in_vain || reader_.has_looked(its.giving_way->through, its.giving_way->since);
  }
}

void Foreman::send(SealedRequest& request, BootTime at) {
  assert(request.is_sealed && request.phase == Phase::kReady && !request.body.empty());
  assert(request.not_before <= at && !stopping_);
  Endpoint& its = endpoint(request.kind);
  last_sent_ = request.kind;
  its.failed_is_next = request.is_fresh();
  its.sent_at = at;
  const bool is_all_read = its.giving_way && its.giving_way->is_over;
  its.giving_way.reset();
  request.was_only_choice = its.lane.is_on_trial() && schedule_.ready(request.kind) == 0 &&
                            (is_all_read || !reader_.has_unread());
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

}  // namespace flowmyna
