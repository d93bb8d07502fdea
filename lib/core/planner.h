#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/operation.h"
#include "core/outbox.h"

namespace flowmyna {

/// An object that a request touches, as a hash: two objects with the same one only wait for each
/// other without need.
struct Touch {
  std::uint64_t object = 0;
  bool writes = false;
};

/// A request of an earlier plan that is not settled yet.
struct OutstandingRequest {
  RequestId id = 0;
  std::vector<Touch> touches;
};

struct PlanOptions {
  std::size_t items_max = 100;       ///< items in one request; the API's limit is 100
  std::size_t bytes_max = 1U << 20;  ///< size of one request's body, unless one item is larger
  /// Types whose final state alone matters: an event that does not write such an object is no
  /// touch of it. Canonical escaping.
  std::set<std::string, std::less<>> latest_types;
};

struct PlannedRequest {
  Kind kind = Kind::kUpsert;
  std::uint32_t wave = 0;
  /// Each item's members as indexes into the planned operations, ascending.
  std::vector<std::vector<std::uint32_t>> items;
  /// Requests of this plan (indexes) and outstanding ones (ids) that must be settled first.
  std::vector<std::uint32_t> after;
  std::vector<RequestId> after_outstanding;
  std::vector<Touch> touches;
};

/// Pending operations in, an ordered plan of requests out. Pure.
///
/// Every operation gets a wave; a *touch* is an upsert of an object or an event that names it, and
/// an event *writes* the objects for which it carries properties:
/// - an upsert joins the open merged upsert of its object if nothing touched the object since that
///   was opened; otherwise it opens one in the first even wave after the object's last touch;
/// - an event goes to the first odd wave that is after the last upsert of each of its objects and
///   not before their last events; it shares a wave with another event only if neither writes an
///   object that both name.
///
/// Within a wave nothing depends on order, neither between requests nor inside one. Waves say in
/// which order requests are best sent; what a request really has to wait for are the requests in
/// `after` and `after_outstanding`, so one that is being retried holds up only what depends on it.
///
/// `groups` is empty or has a number for every operation: events of different groups never share a
/// request, so that what is answered to one group's events is about nobody else's (0 is a group as
/// any other). Inside a wave those of a group above 0 go first: somebody waits for them. Upserts
/// need no group, since an answer names each object.
///
/// A plan that starts all waves anew after every settled request was rejected (quadratic), and so
/// was a barrier after each wave (one slow request would stop all).
std::vector<PlannedRequest> plan(std::span<const Operation> operations,
                                 std::span<const OutstandingRequest> outstanding,
                                 const PlanOptions& options,
                                 std::span<const std::uint64_t> groups = {});

std::uint64_t hash_object(const ObjectKey& key);

/// What a request of these operations touches under `options`.
std::vector<Touch> touches_of(std::span<const Operation> operations, const PlanOptions& options);

}  // namespace flowmyna
