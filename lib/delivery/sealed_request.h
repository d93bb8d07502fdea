#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/planner.h"
#include "core/seal.h"
#include "delivery/waiters.h"

namespace flowmyna {

/// Items of a request with what each touches, so that a part of it keeps up nothing but what
/// touches the same.
class RequestItems {
 public:
  void add(ItemMembers members, std::span<const Touch> touches) {
    members_.push_back(std::move(members));
    touches_.insert(touches_.end(), touches.begin(), touches.end());
    ends_.push_back(static_cast<std::uint32_t>(touches_.size()));
  }
  std::size_t size() const { return members_.size(); }
  const std::vector<ItemMembers>& members() const { return members_; }
  const std::vector<Touch>& touches() const { return touches_; }
  std::span<const Touch> touches_of(std::size_t item) const {
    const std::size_t begin = item == 0 ? 0 : ends_[item - 1];
    return std::span(touches_).subspan(begin, ends_[item] - begin);
  }
  RequestItems part(std::size_t begin, std::size_t end) const {
    RequestItems out;
    for (std::size_t i = begin; i < end; ++i) out.add(members_[i], touches_of(i));
    return out;
  }

 private:
  std::vector<ItemMembers> members_;
  std::vector<Touch> touches_;
  std::vector<std::uint32_t> ends_;
};

/// How a request, or the one that it was a part of, has fared so far. Not durable: after a restart
/// it is tried as if for the first time.
struct Record {
  RequestId root = 0;            ///< the batch that it was a part of at first
  std::uint32_t failures = 0;    ///< in a row, however it failed
  std::uint32_t on_its_own = 0;  ///< of them, those that nothing but itself can be blamed for
  std::uint32_t tries = 0;       ///< how often the API said of each of its items that it failed
  std::optional<BootTime> failing_since;
  std::optional<BootTime> refused_since;      ///< as a whole or item by item
  std::optional<BootTime> failed_since;       ///< item by item
  std::optional<BootTime> turned_away_since;  ///< for its key or address, not for what it is
  bool may_have_arrived = false;              ///< sent at least once without a sure outcome
  bool is_counted = false;                    ///< as possibly twice, before it is sent again
  bool is_doubt_counted = false;              ///< of events that an older copy of the outbox held
};

/// What leaves a request that did not end as it was: a request of its own.
struct Successor {
  RequestItems items;
  Record record;
  BootTime not_before{0};
};

/// A request that is sealed, or on the way to it.
struct SealedRequest {
  enum class Phase : std::uint8_t { kUnbuilt, kFetching, kSealing, kReady, kInFlight, kSettling };

  RequestId id = 0;
  Kind kind = Kind::kUpsert;
  std::string idempotency_key;
  RequestItems items;
  bool knows_touches = true;  ///< after a restart not before its operations were read
  std::string body;           ///< may be empty while it waits: it can be built again
  Phase phase = Phase::kSealing;
  bool is_sealed = false;  ///< durably
  Record record;

  BootTime sent_at{0};           ///< while kInFlight
  bool was_only_choice = false;  ///< then: there was nothing else to try the endpoint with
  BootTime not_before{0};
  BootTime not_before_at_least{0};  ///< whatever the network does
  std::uint64_t sends = 0;
  std::uint64_t duplicates = 0;  ///< events that were sent again after they may have arrived
  int last_status = 0;
  std::string last_error;  ///< while it waits to be sent again

  // while kSettling
  Settlement settlement;
  std::vector<Successor> successors;
  std::vector<OperationOutcome> outcomes;  ///< for the writers who wait
  Receipt released = 0;                    ///< the lowest operation that returns to the backlog
  std::function<void(Result<void>)> on_dropped;  ///< a person's, who gave up an operation of it

  Seal seal() const { return {id, kind, idempotency_key, items.members()}; }
  bool is_failing() const { return record.failures > 0; }
  /// Of a batch that was divided.
  bool is_part() const { return record.root != id; }
  /// Neither it has failed nor what it was a part of.
  bool is_fresh() const { return !is_failing() && !is_part(); }
  bool is_single() const { return items.size() == 1 && items.members().front().size() == 1; }
  /// Whether something that is to blame could be told from the rest of it.
  bool is_divisible() const { return items.size() > 1 || (kind == Kind::kUpsert && !is_single()); }
  std::size_t operations() const {
    std::size_t count = 0;
    for (const ItemMembers& item : items.members()) count += item.size();
    return count;
  }
  Receipt lowest() const {
    Receipt lowest = UINT64_MAX;
    for (const ItemMembers& item : items.members()) lowest = std::min(lowest, item.front());
    return lowest;
  }
};

/// Those of both endpoints, oldest first.
using Requests = std::map<RequestId, SealedRequest>;

/// The operations that are in requests, in no order.
inline void append_receipts(const Requests& requests, std::vector<Receipt>& out) {
  for (const auto& [id, request] : requests) {
    for (const ItemMembers& item : request.items.members()) {
      out.insert(out.end(), item.begin(), item.end());
    }
  }
}

}  // namespace flowmyna
