#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/counters.h"
#include "core/operation.h"
#include "core/window.h"

namespace flowmyna {

using RequestId = std::uint64_t;

/// One item of a request: the receipts of the operations that it carries, ascending. An upsert's
/// are composed in this order; an event's is one.
using ItemMembers = std::vector<Receipt>;

/// What is written down before a request leaves: enough to build it again byte for byte after a
/// crash, with the key that it was sent with. The operations stay in the outbox until it is
/// settled. (Storing the body itself was rejected: it would double what a delivery writes to
/// flash.)
struct Seal {
  RequestId id = 0;
  Kind kind = Kind::kUpsert;
  std::string idempotency_key;  ///< a UUID in text form
  std::vector<ItemMembers> items;
  bool operator==(const Seal&) const = default;
};

/// An item that the API refuses for good, with the operations that it carried.
struct DeadItem {
  ItemMembers members;
  int status = 0;      ///< HTTP status of the refusal
  std::string reason;  ///< the API's own words
  std::uint32_t attempts = 0;
  std::int64_t at_unix_s = 0;
};

/// What became of a sealed request, or of operations that are in none (id 0). Members that are
/// named neither as delivered, dead nor dropped become pending again; the seal is removed.
struct Settlement : RequestCounters {
  RequestId id = 0;
  std::vector<Receipt> delivered;
  std::vector<DeadItem> dead;
  std::vector<Receipt> dropped;  ///< given up by a person; counted, and their receipts remembered
};

/// Pending operations that are given up for good, together with the seals of all requests that hold
/// one of them.
struct GiveUp {
  std::vector<Receipt> receipts;
  std::vector<RequestId> seals;
};

}  // namespace flowmyna
