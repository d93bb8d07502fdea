// The foreman's other half: what happens when an answer comes back, and after a restart.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <unordered_map>

#include "core/request.h"
#include "delivery/foreman.h"

namespace flowmyna {
namespace {

std::vector<Receipt> all_members(const Seal& seal) {
  std::vector<Receipt> receipts;
  for (const ItemMembers& item : seal.items) {
    receipts.insert(receipts.end(), item.begin(), item.end());
  }
  return receipts;
}

/// The body of a sealed request, from its operations in the order of `all_members`.
std::string build_body(const Seal& seal, const Batch& batch) {
  std::vector<RequestItem> items;
  std::size_t next = 0;
  for (const ItemMembers& members : seal.items) {
    RequestItem& item = items.emplace_back();
    for (std::size_t i = 0; i < members.size(); ++i) item.push_back(&batch.operations[next++]);
  }
  return batch_body(seal.kind, items);
}

}  // namespace

void Foreman::on_answer(RequestId id, const Answer& answer) {
  const BootTime at = now();
  Request& request = requests_.at(id);
  --in_flight_;
  request.sends += answer.sends;
  const Verdict verdict =
      judge(request.seal.kind, request.seal.items.size(), request.body, answer, unix_s());
  if (verdict.outcome_unknown || answer.sends > 1) request.may_have_arrived = true;
  switch (verdict.action) {
    case Verdict::Action::kSettle:
      settle(request, verdict, answer);
      return;
    case Verdict::Action::kSplit:
    case Verdict::Action::kSeparate:
      split(request, verdict, answer.status);
      return;
    default:
      keep(request, verdict, at);
      return;
  }
}

/// Nothing is settled: the request, or its operations, have to go again.
void Foreman::keep(Request& request, const Verdict& verdict, BootTime at) {
  const char* items = request.seal.kind == Kind::kUpsert ? " objects)" : " events)";
  log_failure("request " + std::to_string(request.seal.id) + " (" +
                  std::to_string(request.seal.items.size()) + items,
              verdict.reason);
  gate_.failed(verdict, request.sent_at, at);
  if (verdict.outcome_unknown && must_hold(request)) {
    hold(request, verdict.reason);
  } else if (verdict.action == Verdict::Action::kRelease && !request.may_have_arrived) {
    finish(request);  // settles nothing: its operations are pending again
  } else {
    retry(request, verdict, at);
  }
  drop_plan(0);
}

void Foreman::retry(Request& request, const Verdict& verdict, BootTime at) {
  request.phase = Phase::kReady;
  ++request.failures;
  request.last_error = verdict.reason;
  request.not_before_at_least = at + std::max(options_.backoff.initial, verdict.wait);
  switch (verdict.action) {
    // A wrong key or address, or too high a rate, says nothing about this request: the gate alone
    // decides.
    case Verdict::Action::kThrottled:
    case Verdict::Action::kUnauthorized:
    case Verdict::Action::kMisconfigured:
      request.not_before = at;
      return;
    default:
      request.not_before =
          at + std::max(backoff_wait(options_.backoff, request.failures, random_), verdict.wait);
  }
  if (!gate_.is_of_old_network(request.sent_at)) return;
  request.not_before_at_least = std::max(gate_.overtaken_at(request.sent_at), at + verdict.wait);
  request.not_before = std::max(at, request.not_before_at_least);
}

void Foreman::settle(Request& request, const Verdict& verdict, const Answer& answer) {
  gate_.delivered(now());
  log_reached();
  const bool is_final = request.last_chance || request.seal.items.size() == 1;
  for (std::size_t i = 0; i < request.seal.items.size(); ++i) {
    const ItemMembers& members = request.seal.items[i];
    if (verdict.items[i] == Verdict::Item::kDelivered) {
      auto& delivered = request.settlement.delivered;
      delivered.insert(delivered.end(), members.begin(), members.end());
      request.settlement.coalesced += members.size() - 1;
    } else if (is_final) {
      bury(request, members, answer.status, verdict.reasons[i], verdict.reasons[i]);
    } else {
      request.remainder.push_back({members});
    }
  }
  if (!request.settlement.delivered.empty()) {
    const std::lock_guard lock(status_mutex_);
    status_.last_success_at = now();
  }
  note_delivered(request, verdict, answer);
  finish(request);
}

/// Refused: its parts go on, until the item that is to blame stands alone. Halves find it with the
/// fewest requests; where some items may have been taken each goes alone, so none goes a third
/// time.
void Foreman::split(Request& request, const Verdict& verdict, int status) {
  gate_.delivered(now());  // the API is there, and has read the request
  log_reached();
  auto& items = request.seal.items;
  if (verdict.outcome_unknown && must_hold(request)) {
    hold(request, verdict.reason);
    return;
  }
  if (items.size() == 1) {
    bury(request, items.front(), status, verdict.reason, verdict.words);
  } else if (verdict.action == Verdict::Action::kSeparate) {
    for (const ItemMembers& item : items) request.remainder.push_back({item});
  } else {
    const auto middle = items.begin() + static_cast<std::ptrdiff_t>(items.size() / 2);
    request.remainder = {{items.begin(), middle}, {middle, items.end()}};
  }
  finish(request);
}

/// Whether an unknown outcome of this request is for a person to decide.
bool Foreman::must_hold(const Request& request) const {
  return options_.hold_unknown && request.seal.kind == Kind::kEvent;
}

void Foreman::hold(Request& request, const std::string& why) {
  const std::string reason = "outcome unknown: " + why;
  for (const ItemMembers& item : request.seal.items) bury(request, item, 0, reason, reason);
  finish(request);
}

/// `words` are for the writers who wait, who read the status beside them.
void Foreman::bury(Request& request, const ItemMembers& members, int status, std::string reason,
                   const std::string& words) {
  note_dead(request, members, status, words);
  spdlog::error("dead letter {}: {}", members.front(), reason);
  request.settlement.dead.push_back(
      {members, status, std::move(reason), static_cast<std::uint32_t>(request.sends), unix_s()});
}

void Foreman::finish(Request& request) {
  request.phase = Phase::kSettling;
  request.settlement.id = request.seal.id;
  request.settlement.requests = request.sends;
  if (request.seal.kind == Kind::kEvent && request.may_have_arrived) {
    request.settlement.duplicates_possible = request.seal.items.size();
  }
  to_settle_.push_back(request.seal.id);
}

void Foreman::settle_finished() {
  if (to_settle_.empty()) return;
  std::vector<Settlement> settlements;
  for (const RequestId id : to_settle_) settlements.push_back(requests_.at(id).settlement);
  outbox_.settle(std::move(settlements), [this, ids = to_settle_](const Result<void>& done) {
    post_([this, ids, done] { on_settled(ids, done); });
  });
  to_settle_.clear();
}

void Foreman::on_settled(const std::vector<RequestId>& ids, const Result<void>& done) {
  if (!done) {
    outbox_refused("settle a request", done.error());
    to_settle_.insert(to_settle_.end(), ids.begin(), ids.end());
    return;
  }
  for (const RequestId id : ids) {
    const auto node = requests_.extract(id);
    Request& request = node.mapped();
    for (OperationOutcome& outcome : request.outcomes) waiters_.report(std::move(outcome));
    if (!request.remainder.empty()) {
      respawn(request);
    } else if (request.settlement.delivered.empty() && request.settlement.dead.empty()) {
      drop_plan(std::ranges::min(all_members(request.seal)));
    } else {
      schedule_.settled(id);
    }
  }
}

/// The items that a request left over become requests of their own. What waited for the parent
/// has to wait for them, so it is planned again.
void Foreman::respawn(const Request& parent) {
  for (const auto& items : parent.remainder) {
    const RequestId id = next_id_++;
    Request& child = requests_[id];
    child.seal = {id, parent.seal.kind, make_key_(), items};
    child.touches = parent.touches;  // more than it has, never less
    child.phase = Phase::kUnbuilt;
    child.last_chance = items.size() == 1;
  }
  drop_plan(0);
}

/// What was sealed when the last run ended may have arrived: it goes out again, byte for byte and
/// with its key, before anything else is planned.
void Foreman::load_seals() {
  if (loading_) return;
  loading_ = true;
  outbox_.seals([this](const Result<std::vector<Seal>>& seals) {
    post_([this, seals] {
      loading_ = false;
      if (!seals) {
        outbox_refused("read the sealed requests", seals.error());
        return;
      }
      loaded_ = true;
      for (const Seal& seal : *seals) {
        next_id_ = std::max(next_id_, seal.id + 1);
        Request& request = requests_[seal.id];
        request.seal = seal;
        request.phase = Phase::kUnbuilt;
        request.is_sealed = true;
        request.may_have_arrived = true;
        if (must_hold(request)) hold(request, "the agent ended while it was in flight");
      }
    });
  });
}

/// Has the operations of requests without a body fetched.
void Foreman::build_unbuilt() {
  for (auto& [id, request] : requests_) {
    if (request.phase != Phase::kUnbuilt) continue;
    request.phase = Phase::kFetching;
    outbox_.fetch(all_members(request.seal), [this, id = id](Result<Window> window) {
      auto shared = std::make_shared<Result<Window>>(std::move(window));
      post_([this, id, shared] { on_fetched(id, std::move(*shared)); });
    });
  }
}

/// The outbox was damaged and has lost an operation of it, so it cannot go out again byte for byte.
/// What is left of it is planned anew; but not events that may have arrived: under another key they
/// could be recorded twice.
void Foreman::dissolve(Request& request) {
  if (request.may_have_arrived && request.seal.kind == Kind::kEvent) {
    hold(request, "a part of the request was lost when the outbox was damaged");
  } else {
    finish(request);
  }
}

void Foreman::on_fetched(RequestId id, Result<Window> window) {
  Request& request = requests_.at(id);
  auto batch = std::move(window).and_then([](Window read) { return Batch::read(std::move(read)); });
  if (!batch && batch.error().kind == Error::Kind::kInvalid) return dissolve(request);
  if (!batch) {
    request.phase = Phase::kUnbuilt;
    outbox_refused("build a sealed request", batch.error());
    return;
  }
  request.body = build_body(request.seal, **batch);
  if (request.touches.empty()) request.touches = touches_of((*batch)->operations, options_.plan);
  if (request.is_sealed) {
    request.phase = Phase::kReady;
  } else {
    request.phase = Phase::kSealing;
    seal({request.seal});
  }
}

}  // namespace flowmyna
