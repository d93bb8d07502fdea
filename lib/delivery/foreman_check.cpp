// What must hold after each step of the foreman, whatever has happened; for tests and debug builds.

#include <algorithm>
#include <unordered_map>

#include "delivery/foreman.h"

namespace flowmyna {
namespace {

std::string about(RequestId id, const char* what) {
  return "request " + std::to_string(id) + " " + what;
}

/// Two requests that touch an object, unless both only name it, may not lie sealed at once.
class Touched {
 public:
  /// Which request of those added so far conflicts with this one; 0: none.
  RequestId add(RequestId id, std::span<const Touch> touches) {
    for (const Touch& touch : touches) {
      const auto [it, is_new] = by_object_.try_emplace(touch.object, Last{id, touch.writes});
      if (is_new) continue;
      Last& last = it->second;
      if (last.id != id && (last.writes || touch.writes)) return last.id;
      last.writes |= touch.writes;
    }
    return 0;
  }

 private:
  struct Last {
    RequestId id = 0;
    bool writes = false;
  };
  std::unordered_map<std::uint64_t, Last> by_object_;
};

}  // namespace

std::string Foreman::broken_invariant() const {
  for (auto broken : {broken_requests(), broken_places(), broken_seals()}) {
    if (!broken.empty()) return broken;
  }
  return reader_.broken_invariant();
}

/// Each request is in the state that its phase says.
std::string Foreman::broken_requests() const {
  std::size_t in_flight = 0;
  std::size_t settling = 0;
  for (const auto& [id, request] : requests_) {
    if (request.id != id) return about(id, "stands where another should");
    if (request.items.size() == 0) return about(id, "carries nothing");
    if (request.phase == Phase::kSettling) ++settling;
    if (request.phase != Phase::kInFlight) continue;
    ++in_flight;
    if (!request.is_sealed) return about(id, "is in flight under no seal");
    if (request.body.empty()) return about(id, "is in flight without a body");
  }
  if (in_flight != in_flight_) return "the requests in flight are miscounted";
  if (to_settle_.size() > settling) return "more is to be settled than has ended";
  for (const RequestId id : to_settle_) {
    const auto it = requests_.find(id);
    const bool has_ended = it != requests_.end() && it->second.phase == Phase::kSettling;
    if (!has_ended) return about(id, "is to be settled and has not ended");
  }
  return "";
}

/// Each operation is in one request, in the plan, or in neither: never twice.
std::string Foreman::broken_places() const {
  std::vector<Receipt> places;
  schedule_.append_receipts(places);
  append_receipts(requests_, places);
  std::ranges::sort(places);
  const auto twice = std::ranges::adjacent_find(places);
  return twice == places.end() ? "" : "operation " + std::to_string(*twice) + " is in two places";
}

/// What is sealed can leave in any order.
std::string Foreman::broken_seals() const {
  Touched touched;
  for (const auto& [id, request] : requests_) {
    if (!request.knows_touches) continue;
    const RequestId other = touched.add(id, request.items.touches());
    if (other != 0) return about(id, "depends on request ") + std::to_string(other);
  }
  return "";
}

}  // namespace flowmyna
