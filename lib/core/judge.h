#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/answer.h"
#include "core/delivery_state.h"
#include "core/operation.h"
#include "core/planner.h"

namespace flowmyna {

/// Whether this API counts the items of a batch from 0 or from 1 when it writes `index N: …`. The
/// vendor does not say, and a wrong guess records one event twice and loses another; so it is
/// learned, and until then no position is believed.
enum class IndexBase : std::uint8_t {
  kUnknown,
  kZero,
  kOne,
  kUnreliable,  ///< its answers contradict each other: never believed again
};

/// What is known after `learned` as well.
constexpr IndexBase combine(IndexBase known, IndexBase learned) {
  if (learned == IndexBase::kUnknown || learned == known) return known;
  return known == IndexBase::kUnknown ? learned : IndexBase::kUnreliable;
}

/// What an answer means for the request that it answers. Only kSettle, or kSplit of a single item,
/// ends an operation's wait; after anything else the operation is kept.
struct Verdict {
  enum class Action : std::uint8_t {
    kSettle,         ///< the API said what became of each item: see `items`
    kRetry,          ///< send the same bytes with the same key again, after a back-off
    kRelease,        ///< nothing left this machine: plan its operations anew after a back-off
    kThrottled,      ///< the same again, after `wait`, or longer if that does not help
    kUnauthorized,   ///< 401, 403 in the API's words: the same again with a new key
    kMisconfigured,  ///< 404, 405: the address is wrong; the same again later
    kNoKey,          ///< nothing can leave until there is a key
    kSplit,          ///< refused as a whole in the API's words: send it in halves
    kTooLarge,       ///< 413: the same, but smaller parts may pass that are refused together
    kSeparate,       ///< failed in part without saying which items: send each of them alone
  };
  enum class Item : std::uint8_t { kDelivered, kFailed };

  Action action = Action::kRetry;
  /// The request may have been processed although no answer says so: an event that is sent again
  /// may be recorded twice.
  bool outcome_unknown = false;
  /// Whether the failure may be the network's (lost, a page, a redirect, a proxy's refusal) rather
  /// than that of the API or of what was sent.
  bool is_of_path = false;
  /// kThrottled, and kRetry where the answer asks for it: the shortest wait.
  std::chrono::milliseconds wait{0};
  std::string reason;                ///< for an operator; the API's own words where it spoke
  std::string words;                 ///< kSplit and kTooLarge only: those words alone
  std::vector<Item> items;           ///< kSettle only: one an item, in the request's order
  std::vector<std::string> reasons;  ///< kSettle only: the API's words for each failed item
  IndexBase index_base = IndexBase::kUnknown;  ///< what this answer teaches
};

/// A batch request, as the judge has to know it. `touches` has one of each upsert, in any order, or
/// is empty: with it most answers are read without another look at the body.
struct JudgedRequest {
  Kind kind = Kind::kUpsert;
  std::size_t items = 0;
  const std::string& body;
  std::span<const Touch> touches = {};
};

/// The verdict on a batch request; `now_unix_s` is the wall clock, for headers that name a point in
/// time where the answer itself has no `Date`; `base` is what earlier answers taught. Pure; source:
/// the failure table in ARCHITECTURE.md and the API's page.
///
/// A 200 counts when it is a JSON object with `success` and counts that account for every item, and
/// does not contradict itself; whatever else it has or lacks is the API's freedom. A captive portal
/// answers 200 as well.
Verdict judge(const JudgedRequest& request, const Answer& answer, std::int64_t now_unix_s,
              IndexBase base = IndexBase::kUnknown);

/// The verdict on an answer of the health endpoint, which is a hint and not a condition. kSettle:
/// healthy, in the API's shape. kUnauthorized: it refuses the key. kThrottled. kRelease or
/// `is_of_path`: the API was not reached. Anything else, without `is_of_path`: something answered
/// that is no page, so writes are worth a try.
Verdict judge_health(const Answer& answer, std::int64_t now_unix_s);

/// What delivery is in after a failure: kBackingOff, unless that takes a person to mend.
DeliveryState state_after(Verdict::Action failure);

}  // namespace flowmyna
