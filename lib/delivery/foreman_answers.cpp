// What an answer, or its absence, does to a request.
//
// Whoever fails holds up what depends on it and nothing else. Where nothing says who that is, the
// way to the API is doubted first, then the endpoint, and only what fails while others succeed is
// to blame itself: it is divided until what is to blame stands alone.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "delivery/foreman.h"

namespace flowmyna {
namespace {

// An item that the API fails in a 200 is tried so often at most, over `dead_letter_after`.
constexpr std::uint32_t kTriesMax = 10;

/// The wait after the `tries`th failure: each twice as long as the one before, all of them together
/// `dead_letter_after`.
std::chrono::milliseconds wait_between_tries(std::chrono::milliseconds dead_letter_after,
                                             std::uint32_t tries) {
  const double waits = std::exp2(kTriesMax - 1) - 1;
  const double share = std::exp2(std::min(tries, kTriesMax - 1) - 1) / waits;
  return std::chrono::ceil<std::chrono::milliseconds>(dead_letter_after * share);
}

std::string describe(const SealedRequest& request) {
  const char* items = request.kind == Kind::kUpsert ? " objects)" : " events)";
  return "request " + std::to_string(request.id) + " (" + std::to_string(request.items.size()) +
         items;
}

}  // namespace

void Foreman::on_answer(RequestId id, const Answer& answer) {
  const BootTime at = now();
  SealedRequest& request = requests_.at(id);
  assert(request.phase == Phase::kInFlight && in_flight_ > 0);
  --in_flight_;
  request.sends += answer.sends;
  request.last_status = answer.status;
  const Verdict verdict =
      judge({request.kind, request.items.size(), request.body, request.items.touches()}, answer,
            unix_s(), index_base_);
  index_base_ = combine(index_base_, verdict.index_base);
  if (verdict.outcome_unknown) request.record.may_have_arrived = true;
  switch (verdict.action) {
    case Verdict::Action::kSettle:
      return settle(request, verdict, answer);
    case Verdict::Action::kSplit:
    case Verdict::Action::kTooLarge:
      return refuse(request, verdict, answer.status);
    case Verdict::Action::kSeparate:
      return separate(request, verdict);
    case Verdict::Action::kThrottled:
      return throttle(request, verdict, at);
    case Verdict::Action::kRelease:
    case Verdict::Action::kNoKey:
      return lose_way(request, verdict, at);
    case Verdict::Action::kRetry:
    case Verdict::Action::kUnauthorized:
    case Verdict::Action::kMisconfigured:
      return fail_request(request, verdict, answer, at);
  }
}

/// Too high a rate says nothing about the request: the gate alone decides.
void Foreman::throttle(SealedRequest& request, const Verdict& verdict, BootTime at) {
  log_failure(describe(request), verdict.reason);
  gate_.failed(verdict, request.sent_at, at);
  for (Endpoint& its : endpoints_) its.lane.go_alone();
  request.phase = Phase::kReady;
  request.last_error = verdict.reason;
  request.not_before = request.not_before_at_least = at;
  reader_.plan_anew();
}

/// It did not reach the API: there is no way there, for anybody.
void Foreman::lose_way(SealedRequest& request, const Verdict& verdict, BootTime at) {
  log_failure(describe(request), verdict.reason);
  gate_.failed(verdict, request.sent_at, at);
  for (Endpoint& its : endpoints_) its.lane.lost_network();
  if (request.record.may_have_arrived) {
    retry(request, verdict, false, at);
  } else {
    request.duplicates = 0;  // as nothing left, nothing is there twice
    finish(request);         // settles nothing: its operations are pending again
  }
  reader_.plan_anew();
}

/// Nothing is settled: the request has to go again, or its parts.
void Foreman::fail_request(SealedRequest& request, const Verdict& verdict, const Answer& answer,
                           BootTime at) {
  if (verdict.action == Verdict::Action::kMisconfigured && verdict.is_of_path) {
    return lose_way(request, verdict, at);
  }
  log_failure(describe(request), verdict.reason);
  if (answer.timed_out && request.items.size() > 1) {
    endpoint(request.kind).size.was_too_much(request.body.size(), at);
  }
  const bool has_failed_before = request.is_failing();
  const bool is_on_its_own = blame(request, verdict, at);
  if (verdict.outcome_unknown && must_hold(request)) {
    hold(request, verdict.reason);
  } else {
    retry(request, verdict, is_on_its_own, at);
    const bool is_too_large = answer.timed_out && request.record.on_its_own > 1;
    const bool is_to_blame = request.record.on_its_own >= kDivideAfter;
    // A merged upsert that may have arrived stays what it is: nothing may come between its parts.
    if (request.items.size() > 1 && (is_too_large || is_to_blame || is_held_up(request, verdict))) {
      divide(request);
    }
  }
  // What fails again by itself changes nothing for what was planned around it.
  const bool all_are_open =
      std::ranges::all_of(kAllKinds, [&](Kind kind) { return allowance(kind, at) > 0; });
  if (!has_failed_before || !all_are_open) reader_.plan_anew();
}

/// Turned away again, whoever is to blame. None of it has arrived, so it may as well go in parts:
/// what is not to blame in it, and all that waits for that, would be turned away with the rest for
/// as long as nothing else is taken.
bool Foreman::is_held_up(const SealedRequest& request, const Verdict& verdict) const {
  const bool is_turned_away = state_after(verdict.action) != DeliveryState::kBackingOff;
  return is_turned_away && !request.record.may_have_arrived && request.record.failures > 1;
}

/// Who failed: the network, the endpoint, or this request on its own.
bool Foreman::blame(SealedRequest& request, const Verdict& verdict, BootTime at) {
  Lane& lane = endpoint(request.kind).lane;
  const bool others_succeed = std::ranges::any_of(
      endpoints_, [&](const Endpoint& its) { return its.lane.delivered_since(request.sent_at); });
  if (!verdict.is_of_path) {
    gate_.reached(at, false);
  } else if (!others_succeed) {
    // Unless health is well, when the way is asked.
    gate_.failed(verdict, request.sent_at, at);
  }
  if (lane.delivered_since(request.sent_at)) return true;
  // If others were taken since this request first failed, it says nothing of the endpoint by
  // failing again, unless another has failed after them.
  const auto& failing_since = request.record.failing_since;
  if (failing_since && lane.delivered_since(*failing_since) && !lane.is_on_trial()) return true;
  // Nor of the key by being turned away again; for the key everything would wait for minutes.
  if (state_after(verdict.action) != DeliveryState::kBackingOff) {
    auto& since = request.record.turned_away_since;
    if (since && lane.delivered_since(*since)) return true;
    if (!since) since = at;
  }
  const bool is_of_old_network = gate_.is_of_old_network(request.sent_at);
  // What was sent since tells how things are now.
  const auto& last_sent_at = endpoint(request.kind).sent_at;
  if (is_of_old_network && !gate_.is_of_old_network(*last_sent_at)) return false;
  // When a whole request has failed, it is no news that a part of it fails.
  const bool is_news = !request.is_part() || request.is_failing();
  lane.failed(verdict, {is_of_old_network, is_news}, at);
  if (verdict.action == Verdict::Action::kUnauthorized && !others_succeed) gate_.doubt_key();
  return request.was_only_choice;
}

void Foreman::retry(SealedRequest& request, const Verdict& verdict, bool is_on_its_own,
                    BootTime at) {
  request.phase = Phase::kReady;
  Record& record = request.record;
  ++record.failures;
  if (is_on_its_own) ++record.on_its_own;
  if (!record.failing_since) record.failing_since = at;
  request.last_error = verdict.reason;
  request.not_before_at_least = at + std::max(options_.backoff.initial, verdict.wait);
  request.not_before = at + verdict.wait;
  // Otherwise the endpoint or the network waits, and afterwards failed and fresh take turns.
  if (is_on_its_own) {
    const auto wait = backoff_wait(options_.backoff, record.failures, random_);
    request.not_before = at + std::max(wait, verdict.wait);
  }
  if (gate_.is_of_old_network(request.sent_at)) {
    request.not_before_at_least = std::max(gate_.overtaken_at(request.sent_at), at + verdict.wait);
    request.not_before = std::max(at, request.not_before_at_least);
  }
  if (requests_.size() > kBodiesMax) request.body = {};
}

void Foreman::settle(SealedRequest& request, const Verdict& verdict, const Answer& answer) {
  assert(verdict.items.size() == request.items.size());
  const BootTime at = now();
  std::vector<std::size_t> failed;
  for (std::size_t i = 0; i < request.items.size(); ++i) {
    const ItemMembers& members = request.items.members()[i];
    if (verdict.items[i] != Verdict::Item::kDelivered) {
      failed.push_back(i);
      continue;
    }
    auto& delivered = request.settlement.delivered;
    delivered.insert(delivered.end(), members.begin(), members.end());
    request.settlement.coalesced += members.size() - 1;
  }
  const bool is_delivery = failed.size() < request.items.size();
  gate_.reached(at, is_delivery);
  if (is_delivery) {
    Endpoint& its = endpoint(request.kind);
    its.lane.delivered(at);
    its.size.passed(request.body.size(), at);
    note_delivered(request, verdict, answer);
    board_.delivered(at);
  }
  if (failed.empty()) return finish(request);
  settle_failed(request, verdict, failed, answer.status, at);
}

/// The API says of items that they failed, each by itself: perhaps they do so now alone, so they
/// get further tries before they are dead.
void Foreman::settle_failed(SealedRequest& request, const Verdict& verdict,
                            const std::vector<std::size_t>& failed, int status, BootTime at) {
  const bool are_all = failed.size() == request.items.size();
  if (are_all && is_refused_with_all(request, verdict, at)) return;
  Record& record = request.record;
  ++record.tries;
  if (!record.failed_since) record.failed_since = at;
  retry(request, verdict, true, at);
  request.not_before = at + wait_between_tries(options_.dead_letter_after, record.tries);
  const bool is_last = record.tries > 1 && at >= *record.failed_since + options_.dead_letter_after;
  log_failure(describe(request), verdict.reason);
  if (is_last) {
    give_up_failed(request, verdict, failed, status);
  } else if (!are_all) {
    Successor again{{}, record, request.not_before};
    again.record.may_have_arrived = false;  // these the API has not taken
    for (const std::size_t i : failed) {
      again.items.add(request.items.members()[i], request.items.touches_of(i));
    }
    request.successors.push_back(std::move(again));
    finish(request);
  }
  reader_.plan_anew();
}

/// Each alone once more, so that the reason is its own; of a merged upsert the operation that is to
/// blame is looked for.
void Foreman::give_up_failed(SealedRequest& request, const Verdict& verdict,
                             const std::vector<std::size_t>& failed, int status) {
  const ItemMembers& first = request.items.members().front();
  if (request.items.size() > 1) {
    for (const std::size_t i : failed) {
      request.successors.push_back({request.items.part(i, i + 1), request.record, BootTime(0)});
      request.successors.back().record.may_have_arrived = false;  // the API has not taken it
    }
  } else if (first.size() > 1) {
    take_apart(request, 0);
  } else {
    bury(request, first, status, verdict.reasons.front(), verdict.reasons.front());
  }
  finish(request);
}

/// Refused in the API's words: its parts go on, until the item that is to blame stands alone, and
/// of a merged upsert the operation. Halves find it with the fewest requests.
void Foreman::refuse(SealedRequest& request, const Verdict& verdict, int status) {
  const BootTime at = now();
  gate_.reached(at, false);  // the API, or its front, has read the request
  const bool is_size = verdict.action == Verdict::Action::kTooLarge;
  if (is_size) endpoint(request.kind).size.was_too_much(request.body.size(), at);
  // Smaller parts of what is too large may pass even where everything is refused as it is.
  const bool is_evidence = !is_size || !request.is_divisible();
  if (is_evidence && is_refused_with_all(request, verdict, at)) return;
  log_failure(describe(request), verdict.reason);
  if (!request.record.refused_since) request.record.refused_since = at;
  if (request.is_divisible()) {
    divide(request);
  } else {
    bury(request, request.items.members().front(), status, verdict.reason, verdict.words);
    finish(request);
  }
  reader_.plan_anew();
}

/// Whether this may not be about the request, since the endpoint refuses everything, or has taken
/// nothing since and another batch can tell. Then it is kept. Where all else waits for it, so that
/// nothing else can ever be tried, it is believed in the end.
bool Foreman::is_refused_with_all(SealedRequest& request, const Verdict& verdict, BootTime at) {
  Lane& lane = endpoint(request.kind).lane;
  if (!request.record.refused_since) request.record.refused_since = at;
  const BootTime since = *request.record.refused_since;
  if (lane.delivered_since(since)) return false;
  const bool refuses_all = lane.refused(request.record.root, verdict.reason, at);
  if (!refuses_all && !can_try_another(request)) return false;
  const bool is_long = at >= since + options_.dead_letter_after;
  if (refuses_all && request.was_only_choice && is_long) return false;
  log_failure(refuses_all ? "the API refuses everything" : describe(request), verdict.reason);
  retry(request, verdict, !refuses_all, at);
  reader_.plan_anew();
  return true;
}

/// Whether there may be another batch for the endpoint to take. What is not read yet may be of the
/// other kind, so it is not waited for without end.
bool Foreman::can_try_another(const SealedRequest& request) const {
  if (schedule_.ready(request.kind) > 0) return true;
  const bool is_all_read = !reader_.is_reading() && !reader_.has_unread();
  if (!is_all_read && request.record.failures < kDivideAfter) return true;
  return std::ranges::any_of(requests_, [&](const auto& entry) {
    const SealedRequest& other = entry.second;
    return other.kind == request.kind && other.record.root != request.record.root &&
           other.phase != Phase::kSettling && !other.is_failing();
  });
}

/// Some of its items failed, and the answer does not say which. Upserts may all go again; events go
/// again one by one, so that none goes a third time.
void Foreman::separate(SealedRequest& request, const Verdict& verdict) {
  const BootTime at = now();
  gate_.reached(at, true);
  log_failure(describe(request), verdict.reason);
  endpoint(request.kind).lane.delivered(at);
  if (verdict.outcome_unknown && must_hold(request)) {
    hold(request, verdict.reason);
  } else if (request.kind == Kind::kUpsert) {
    divide(request);
  } else {
    for (std::size_t i = 0; i < request.items.size(); ++i) {
      request.successors.push_back({request.items.part(i, i + 1), request.record, at});
    }
    finish(request);
  }
  reader_.plan_anew();
}

/// Whether an unknown outcome of this request is for a person to decide.
bool Foreman::must_hold(const SealedRequest& request) const {
  return options_.hold_unknown && request.kind == Kind::kEvent;
}

void Foreman::hold(SealedRequest& request, const std::string& why) {
  const std::string reason = "outcome unknown: " + why;
  request.duplicates += request.items.size();
  for (const ItemMembers& item : request.items.members()) bury(request, item, 0, reason, reason);
  finish(request);
}

/// `words` are for the writers who wait, who read the status beside them.
void Foreman::bury(SealedRequest& request, const ItemMembers& members, int status,
                   std::string reason, const std::string& words) {
  note_dead(request, members, status, words);
  spdlog::error("dead letter {}: {}", members.front(), reason);
  request.settlement.dead.push_back(
      {members, status, std::move(reason), static_cast<std::uint32_t>(request.sends), unix_s()});
}

}  // namespace flowmyna
