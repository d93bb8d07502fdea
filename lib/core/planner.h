#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/operation.h"
#include "core/seal.h"

namespace flowmyna {

/// An object that a request touches, as a hash: a collision only makes two objects wait for each
/// other without need.
struct Touch {
  std::uint64_t object = 0;
  bool writes = false;
};

/// What was planned earlier and is not settled yet: a request, or something else that has an id.
struct OutstandingRequest {
  RequestId id = 0;
  std::vector<Touch> touches;
};

struct PlanOptions {
  std::size_t items_max = 100;       ///< items in one request; the API's limit is 100
  std::size_t bytes_max = 1U << 20;  ///< size of one request's body, unless one operation is larger
  /// Types whose final state alone matters: an event that does not write such an object is no
  /// touch of it. Canonical escaping.
  std::set<std::string, std::less<>> latest_types;
};

/// One item of a request to come: operations that will arrive as one.
struct PlannedItem {
  Kind kind = Kind::kUpsert;
  /// Events of different groups never share a request; see `plan`. 0 for upserts.
  std::uint64_t group = 0;
  std::size_t bytes = 0;  ///< what it takes at most in a request's body
  /// Indexes into the planned operations, ascending. An event's is one.
  std::vector<std::uint32_t> members;
  /// What must be settled before it may leave: items of this plan, all of which stand before it,
  /// and outstanding requests. Ascending, each once.
  std::vector<std::uint32_t> after;
  std::vector<RequestId> after_outstanding;
};

/// Pending operations in, their items out, in the order of acceptance, each with what it has to
/// wait for. Pure.
///
/// A *touch* is an upsert of an object or an event that names it, and an event *writes* the objects
/// for which it carries properties:
/// - an upsert joins the open merged upsert of its object if nothing touched the object since that
///   was opened; otherwise it opens one, which comes after the object's last write and all touches
///   since. One that would outgrow a request is closed;
/// - an event comes after the last write of each of its objects, and where it writes, after all
///   touches since.
///
/// So items that wait for nothing may share a request: no two of them touch the same object, unless
/// both only name it. Which ones do share is decided when a request can leave; an item never waits
/// for what its companions need. (Packing requests here, wave by wave, was rejected: each took the
/// blockers of all of its items.)
///
/// `groups` is empty or has a number for every operation. Events of different groups do not share a
/// request, so that its answer is about one group only (0 is a group like any other). Upserts need
/// no group, since an answer names each object.
std::vector<PlannedItem> plan(std::span<const Operation> operations,
                              std::span<const OutstandingRequest> outstanding,
                              const PlanOptions& options,
                              std::span<const std::uint64_t> groups = {});

std::uint64_t hash_object(const ObjectKey& key);

/// What these operations touch under `options`, in their order.
std::vector<Touch> touches_of(std::span<const Operation> operations, const PlanOptions& options);
void append_touches(std::vector<Touch>& touches, const Operation& operation,
                    const PlanOptions& options);

}  // namespace flowmyna
