// The foreman's requests: how they are divided, settled, and built again after a restart.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

#include "core/request.h"
#include "delivery/foreman.h"

namespace flowmyna {
namespace {

std::vector<Receipt> all_members(const SealedRequest& request) {
  std::vector<Receipt> receipts;
  for (const ItemMembers& item : request.items.members()) {
    receipts.insert(receipts.end(), item.begin(), item.end());
  }
  return receipts;
}

/// The body of a request, from its operations in the order of `all_members`.
std::string build_body(const SealedRequest& request, const Batch& batch) {
  std::vector<RequestItem> items;
  std::size_t next = 0;
  for (const ItemMembers& members : request.items.members()) {
    RequestItem& item = items.emplace_back();
    for (std::size_t i = 0; i < members.size(); ++i) item.push_back(&batch.operations[next++]);
  }
  return batch_body(request.kind, items);
}

}  // namespace

/// Its halves go on by themselves. Of a single merged upsert only the older half does: the younger
/// one has to wait for it, and returns to the backlog.
void Foreman::divide(SealedRequest& request) {
  Record record = request.record;
  record.on_its_own = record.on_its_own > 0 ? kDivideAfter - 1 : 0;
  record.failures = 0;
  const std::size_t size = request.items.size();
  if (size == 1) {
    take_apart(request, 0);
  } else {
    request.successors.push_back({request.items.part(0, size / 2), record, BootTime(0)});
    request.successors.push_back({request.items.part(size / 2, size), record, BootTime(0)});
  }
  finish(request);
}

void Foreman::take_apart(SealedRequest& request, std::size_t item) {
  const ItemMembers& members = request.items.members()[item];
  const auto middle = members.begin() + static_cast<std::ptrdiff_t>(members.size() / 2);
  Successor older{{}, request.record, BootTime(0)};
  older.record.failures = older.record.on_its_own = 0;
  older.items.add({members.begin(), middle}, request.items.touches_of(item));
  request.successors.push_back(std::move(older));
  request.released = request.released == 0 ? *middle : std::min(request.released, *middle);
}

/// Settles what was noted so far. What was not settled, and is in no successor, returns to the
/// backlog.
void Foreman::finish(SealedRequest& request) {
  const bool settles_nothing = request.settlement.delivered.empty() &&
                               request.settlement.dead.empty() &&
                               request.settlement.dropped.empty() && request.successors.empty();
  if (settles_nothing) request.released = request.lowest();
  count_what_goes_again(request, settles_nothing);
  assert(request.phase != Phase::kSettling);
  request.phase = Phase::kSettling;
  request.settlement.id = request.id;
  request.settlement.requests = request.sends;
  request.settlement.duplicates_possible = request.duplicates;
  to_settle_.push_back(request.id);
}

/// Events that may have arrived and go again in other requests: they are counted with this
/// settlement, for nobody knows of it any more if the agent ends after that.
void Foreman::count_what_goes_again(SealedRequest& request, bool is_released) {
  if (request.kind != Kind::kEvent) return;
  if (is_released && request.record.may_have_arrived && !request.record.is_counted) {
    request.duplicates += request.items.size();
  }
  for (Successor& successor : request.successors) {
    Record& record = successor.record;
    if (!record.may_have_arrived || std::exchange(record.is_counted, true)) continue;
    request.duplicates += successor.items.size();
  }
}

void Foreman::settle_finished() {
  if (to_settle_.empty()) return;
  std::vector<Settlement> settlements;
  std::uint64_t duplicates = 0;
  for (const RequestId id : to_settle_) {
    settlements.push_back(requests_.at(id).settlement);
    duplicates += settlements.back().duplicates_possible;
  }
  backlog_.settle(std::move(settlements),
                  [this, ids = to_settle_, duplicates](const Result<void>& done) {
                    if (done) board_.counted_by_outbox(duplicates);
                    post_([this, ids, done] { on_settled(ids, done); });
                  });
  to_settle_.clear();
}

void Foreman::on_settled(const std::vector<RequestId>& ids, const Result<void>& done) {
  if (!done) {
    storage_retry_.refused("settle a request", done.error());
    to_settle_.insert(to_settle_.end(), ids.begin(), ids.end());
    return;
  }
  for (const RequestId id : ids) {
    auto node = requests_.extract(id);
    SealedRequest& request = node.mapped();
    assert(request.phase == Phase::kSettling);
    board_.forgot(request.settlement.duplicates_possible);
    for (OperationOutcome& outcome : request.outcomes) waiters_.report(std::move(outcome));
    if (request.on_dropped) request.on_dropped({});
    if (!request.settlement.delivered.empty()) log_reached();
    if (request.is_failing()) reader_.failing_one_ended();
    for (const Successor& successor : request.successors) spawn(request, successor);
    if (request.released != 0 || !request.successors.empty()) {
      // What waited for the request has to wait for its parts.
      reader_.replan_after(request);
    } else {
      schedule_.settled(id);
    }
  }
}

void Foreman::spawn(const SealedRequest& parent, const Successor& successor) {
  const RequestId id = next_id_++;
  SealedRequest& request = requests_[id];
  request.id = id;
  request.kind = parent.kind;
  request.idempotency_key = make_key_();
  request.items = successor.items;
  request.record = successor.record;
  request.not_before = request.not_before_at_least = successor.not_before;
  request.last_status = parent.last_status;
  request.last_error = parent.last_error;
  request.phase = Phase::kUnbuilt;
}

/// What was sealed when the last run ended may have arrived: it goes out again, byte for byte and
/// with its key, before anything else is planned.
void Foreman::load_seals() {
  if (loading_) return;
  assert(!loaded_ && requests_.empty());
  loading_ = true;
  backlog_.seals([this](const Result<std::vector<Seal>>& seals) {
    post_([this, seals] {
      loading_ = false;
      if (!seals) {
        storage_retry_.refused("read the sealed requests", seals.error());
        return;
      }
      loaded_ = true;
      for (const Seal& seal : *seals) load_seal(seal);
    });
  });
}

void Foreman::load_seal(const Seal& seal) {
  next_id_ = std::max(next_id_, seal.id + 1);
  SealedRequest& request = requests_[seal.id];
  request.id = request.record.root = seal.id;
  request.kind = seal.kind;
  request.idempotency_key = seal.idempotency_key;
  for (const ItemMembers& members : seal.items) request.items.add(members, {});
  request.knows_touches = false;
  request.phase = Phase::kUnbuilt;
  request.is_sealed = true;
  request.record.may_have_arrived = true;
  if (must_hold(request)) hold(request, "the agent ended while it was in flight");
}

/// Has the operations of requests without a body fetched.
void Foreman::build_unbuilt() {
  for (auto& [id, request] : requests_) {
    if (request.phase != Phase::kUnbuilt) continue;
    request.phase = Phase::kFetching;
    backlog_.fetch(all_members(request), [this, id = id](Result<Window> window) {
      auto shared = std::make_shared<Result<Window>>(std::move(window));
      post_([this, id, shared] { on_fetched(id, std::move(*shared)); });
    });
  }
}

/// The outbox was damaged and has lost an operation of it, so it cannot go out again byte for byte.
/// What is left of it is planned anew; but not events that may have arrived: under another key they
/// could be recorded twice.
void Foreman::dissolve(SealedRequest& request) {
  if (request.record.may_have_arrived && request.kind == Kind::kEvent) {
    hold(request, "a part of the request was lost when the outbox was damaged");
  } else {
    finish(request);
  }
}

void Foreman::on_fetched(RequestId id, Result<Window> window) {
  SealedRequest& request = requests_.at(id);
  auto batch = std::move(window).and_then([](Window read) { return Batch::read(std::move(read)); });
  if (!batch && batch.error().kind == Error::Kind::kInvalid) {
    request.knows_touches = true;
    return dissolve(request);
  }
  if (!batch) {
    request.phase = Phase::kUnbuilt;
    storage_retry_.refused("build a sealed request", batch.error());
    return;
  }
  request.body = build_body(request, **batch);
  if (!request.knows_touches) learn_touches(request, **batch);
  if (request.is_sealed) {
    request.phase = Phase::kReady;
    if (stopping_ && !request.record.may_have_arrived) finish(request);
  } else {
    request.phase = Phase::kSealing;
    seal({request.seal()});
  }
}

void Foreman::learn_touches(SealedRequest& request, const Batch& batch) {
  RequestItems known;
  std::vector<Touch> touches;
  std::size_t next = 0;
  for (const ItemMembers& members : request.items.members()) {
    touches.clear();
    append_touches(touches, batch.operations[next], options_.plan);
    next += members.size();
    known.add(members, touches);
  }
  request.items = std::move(known);
  request.knows_touches = true;
}

}  // namespace flowmyna
