#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/answer.h"
#include "core/operation.h"

namespace flowmyna {

/// What an answer means for the request that it answers. Nothing but kSettle and kSplit of a
/// single item ends an operation's wait: whatever else happens, it is kept.
struct Verdict {
  enum class Action : std::uint8_t {
    kSettle,         ///< the API said what became of each item: see `items`
    kRetry,          ///< send the same bytes with the same key again, after a back-off
    kRelease,        ///< nothing left this machine: plan its operations anew after a back-off
    kThrottled,      ///< the same again, after `wait`, or longer if that does not help
    kUnauthorized,   ///< 401, 403: the key is not accepted; the same again with a new key
    kMisconfigured,  ///< 404, 405: the address is wrong; the same again later
    kSplit,          ///< refused as a whole: send it in halves; a single item is refused for good
    kSeparate,       ///< failed in part without saying which items: send each of them alone
  };
  enum class Item : std::uint8_t { kDelivered, kFailed };

  Action action = Action::kRetry;
  /// The request may have been processed although no answer says so: an event that is sent again
  /// may be recorded twice.
  bool outcome_unknown = false;
  /// kThrottled, and kRetry where the answer asks for it: the shortest wait.
  std::chrono::milliseconds wait{0};
  std::string reason;                ///< for an operator; the API's own words where it spoke
  std::string words;                 ///< kSplit only: those words alone
  std::vector<Item> items;           ///< kSettle only: one an item, in the request's order
  std::vector<std::string> reasons;  ///< kSettle only: the API's words for each failed item
};

/// The verdict on a batch request of `kind` with `items` items and this `body`; `now_unix_s` is the
/// wall clock, for headers that name a point in time. Pure; source: the failure table in
/// ARCHITECTURE.md and the API's page.
///
/// A 200 counts only when its body has the API's shape and accounts for every item: a captive
/// portal answers 200 as well.
Verdict judge(Kind kind, std::size_t items, const std::string& body, const Answer& answer,
              std::int64_t now_unix_s);

/// Whether `answer` is the health endpoint's, in the API's shape. Otherwise the verdict says what
/// it is instead.
Verdict judge_health(const Answer& answer, std::int64_t now_unix_s);

}  // namespace flowmyna
