#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace flowmyna::sim {

enum class FaultKind {
  kRefused,       ///< the listening socket is closed
  kDown,          ///< accepted, then closed without an answer, nothing read
  kHang,          ///< read, never answered
  kSlow,          ///< answered late; goes together with one other fault
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
};

std::string_view name_of(FaultKind kind);

enum class RejectMode { kBatch422, kBatch400, kPartial };

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One rule as it was posted. Durations are in milliseconds on the wire.
struct FaultRule {
  FaultKind kind = FaultKind::kDown;
  std::string text;                    ///< the rule as JSON, for showing it
  std::string path;                    ///< endpoint, as "/object/batch"; empty: all of the API
  std::optional<std::uint64_t> count;  ///< how many requests it strikes; absent: until cleared
  std::optional<std::chrono::milliseconds> duration;  ///< "for_ms"; absent: until cleared
  std::uint64_t skip = 0;                             ///< lets so many matching requests through
  double probability = 1.0;
  std::uint64_t seed = 0;

  std::chrono::milliseconds delay{0};  ///< kSlow
  bool apply_late = false;             ///< kSlow: applied at the end of the delay, not before it

  unsigned status = 0;                     ///< kStatus
  std::string body;                        ///< kStatus
  Headers headers;                         ///< kStatus
  std::optional<std::int64_t> reset_in_s;  ///< kStatus: X-RateLimit-Reset, so far from now

  std::optional<std::string> match_type;  ///< kRejectItems; an absent field matches any item
  std::optional<std::string> match_id;
  std::optional<std::string> match_event;
  RejectMode mode = RejectMode::kBatch422;
  bool errors_indexed = true;
  std::string reason = "Rejected by the stand-in";

  std::uint64_t bytes = 0;        ///< kMaxBody
  std::optional<bool> processed;  ///< whether the request is applied before its answer is spoilt
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
};
using SharedFault = std::shared_ptr<ActiveFault>;

/// What will happen to one request, decided when its head is read.
struct FaultDecision {
  SharedFault main;  ///< the first rule that struck, if any
  std::chrono::milliseconds delay{0};
  bool apply_late = false;
  /// Rules that depend on the body (kMaxBody, kRejectItems), to be asked with strike().
  std::vector<SharedFault> conditional;
};

/// The rules in force, in the order in which they were posted. For one request every kSlow rule
/// that strikes adds its delay, and of the others the first that strikes decides.
/// Thread-safe; time is the monotonic clock's.
class FaultTable {
 public:
  using Clock = std::chrono::steady_clock;

  void add(std::vector<FaultRule> rules);
  void clear();

  FaultDecision decide(std::string_view path);

  /// Whether a conditional rule whose condition holds strikes: counts, skips and throws its dice.
  bool strike(ActiveFault& fault);

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

}  // namespace flowmyna::sim
