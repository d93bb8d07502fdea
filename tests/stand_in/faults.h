#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/result.h"
#include "stand_in/match.h"

namespace flowmyna::stand_in {

enum class FaultKind {
  kRefused,       ///< the listening socket is closed
  kDown,          ///< accepted, then closed without an answer, nothing read
  kHang,          ///< read, never answered
  kSlow,          ///< answered late; goes together with other faults
  kUnauthorized,  ///< 401
  kForbidden,     ///< 403
  kNotFound,      ///< 404
  kStatus,        ///< any status, body and headers
  kRejectItems,   ///< chosen items are bad: the whole batch refused, or a partial failure
  kHtml200,       ///< the page of a captive portal
  kTruncated,     ///< closed in the middle of the answer
  kGarbage,       ///< 200, said to be JSON, but no JSON
  kEmpty200,      ///< 200 without a body
  kWrongShape,    ///< 200, JSON, but not the API's answer
  kLostAnswer,    ///< applied, then closed without an answer
  kMaxBody,       ///< 413 above so many bytes
  kDialect,       ///< answered in another dialect; goes together with other faults
};

std::string_view name_of(FaultKind kind);

enum class RejectMode { kBatch422, kBatch400, kPartial };

/// How much of a request is applied before its answer is spoilt; half of a batch is rounded down.
enum class Processed { kNothing, kHalf, kAll };

using Headers = std::vector<std::pair<std::string, std::string>>;

/// The answer of kStatus, complete but for what depends on the moment.
struct StatusAnswer {
  unsigned status = 0;
  std::string body;
  std::string content_type;
  Headers headers;
  // So far from the server's now, which its Date tells.
  std::optional<std::int64_t> reset_in_s;          ///< X-RateLimit-Reset, Unix seconds
  std::optional<std::int64_t> retry_after_date_s;  ///< Retry-After, an HTTP date
};

/// One rule as it was posted. Durations are in milliseconds on the wire.
struct FaultRule {
  FaultKind kind = FaultKind::kDown;
  std::string text;                    ///< the rule as JSON, for showing it
  std::vector<std::string> paths;      ///< endpoints, as "/object/batch"; empty: all of the API
  Match match;                         ///< of the body; kRejectItems: also which items fail
  std::optional<std::uint64_t> count;  ///< how many requests it strikes; absent: until cleared
  std::optional<std::chrono::milliseconds> duration;  ///< "for_ms"; absent: until cleared
  std::uint64_t skip = 0;                             ///< lets so many matching requests through
  double probability = 1.0;
  std::uint64_t seed = 0;
  Processed processed = Processed::kNothing;

  std::chrono::milliseconds delay{0};           ///< kSlow
  std::chrono::milliseconds delay_per_item{0};  ///< kSlow: added to it
  std::chrono::milliseconds delay_per_kib{0};   ///< kSlow: added to it, of the request's body
  bool apply_late = false;                      ///< kSlow: applied at the end of the fixed delay

  StatusAnswer answer;  ///< kStatus

  RejectMode mode = RejectMode::kBatch422;  ///< kRejectItems
  std::optional<std::string> error_text;    ///< kRejectItems; absent: as the dialect has it
  std::string reason = "Rejected by the stand-in";
  std::optional<std::uint64_t> count_each;  ///< kRejectItems: how often each item fails

  std::string dialect;      ///< kDialect: the document
  std::uint64_t bytes = 0;  ///< kMaxBody
};

/// A list of rules from JSON, or a message that names the rule and what is wrong with it. Unknown
/// fields are errors, since a misspelt one would silently test nothing.
Result<std::vector<FaultRule>> parse_fault_rules(const std::string& json);

/// A posted rule with its bookkeeping.
struct ActiveFault {
  FaultRule rule;
  std::optional<std::chrono::steady_clock::time_point> expires;
  std::uint64_t seen = 0;
  std::uint64_t served = 0;
  std::mt19937_64 random;
  std::unordered_map<std::uint64_t, std::uint64_t> failures;  ///< by identity; with count_each
};
using SharedFault = std::shared_ptr<ActiveFault>;

/// What will happen to one request: decided when its head is read, as far as the body has no say.
struct FaultDecision {
  SharedFault main;  ///< the first rule that struck, if any
  std::chrono::milliseconds delay{0};
  bool apply_late = false;
  std::vector<SharedFault> dialects;
  /// Rules that wait for the body: see settle() and strike_items().
  std::vector<SharedFault> pending;
};

/// An item that a rule would make fail.
struct Candidate {
  std::uint32_t index = 0;
  std::uint64_t identity = 0;
};

/// The rules in force, in the order in which they were posted. For one request every kSlow and
/// kDialect rule that strikes takes part, and of the others the first that strikes decides; what
/// stands behind that one is not asked.
/// Thread-safe; time is the monotonic clock's.
class FaultTable {
 public:
  using Clock = std::chrono::steady_clock;

  void add(std::vector<FaultRule> rules);
  void clear();

  FaultDecision decide(std::string_view path);

  /// The body is there: decides what waited for it. Of `pending` only kRejectItems are left.
  void settle(FaultDecision& decision, const RequestFacts& facts);

  /// Whether a kRejectItems rule strikes a request with these items, at least one; leaves those
  /// that fail.
  bool strike_items(ActiveFault& fault, std::vector<Candidate>& items);

  /// Until when the listening socket is to be closed; nullopt: it is to be open.
  std::optional<Clock::time_point> refused_until() const;

  std::uint64_t served() const;
  std::string show() const;

 private:
  bool strike_locked(ActiveFault& fault);

  mutable std::mutex mutex_;
  std::vector<SharedFault> faults_;
  std::uint64_t served_ = 0;
};

}  // namespace flowmyna::stand_in
