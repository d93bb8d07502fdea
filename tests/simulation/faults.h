#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "chance.h"
#include "core/answer.h"
#include "core/clock.h"

namespace flowmyna::simulation {

/// What may become of one request.
enum class Fault : std::uint8_t {
  kNone,
  kRefused,        ///< surely not sent
  kLostBefore,     ///< lost on the way there; no answer
  kLostAfter,      ///< processed, the answer lost
  kLate,           ///< no answer in time; processed later, before its resend is answered
  kServerError,    ///< 408, 425, 500, 503: not processed
  kGateway,        ///< 502, 504: processed or not
  kUnauthorized,   ///< 401, 403
  kNotFound,       ///< 404, 405
  kThrottled,      ///< 429
  kPortal,         ///< a captive portal's page with status 200, or its redirect
  kTruncated,      ///< processed, the answer cut short
  kHalfDone,       ///< 500 after a part of it was processed
  kContradiction,  ///< the same, and an answer that cannot be
};

std::string_view name_of(Fault fault);

/// Whether the API may have processed a request that met this.
bool may_be_processed(Fault fault);
/// What stands between us and the API may have failed, and not the API.
bool may_be_networks(Fault fault);

/// When which faults happen: periods in which every request meets one kind, periods in which each
/// meets another, and a background of single ones. None after `end`.
class FaultPlan {
 public:
  struct Period {
    BootTime begin;
    BootTime end;
    std::vector<Fault> faults;  ///< each request meets one of them
  };
  struct Options {
    std::vector<Period> periods;
    double background = 0;  ///< the share of requests that meet a fault outside of the periods
    BootTime end{0};
    Fault health = Fault::kNone;  ///< what health meets for ever, whatever becomes of the rest
    double slow = 0;              ///< the share of answers that take their time
  };

  FaultPlan(Options options, Chance& chance) : options_(std::move(options)), chance_(chance) {}

  Fault draw(BootTime now);
  Fault draw_for_health(BootTime now) {
    const Fault fault = draw(now);
    return fault == Fault::kNone ? options_.health : fault;
  }
  bool draws_slow(BootTime now) { return !is_over(now) && chance_.one_in(options_.slow); }
  bool is_over(BootTime now) const { return now >= options_.end; }
  /// The period in force that lets nothing through, if there is one. (Not one of 429s: those say
  /// themselves when to come back.)
  const Period* outage(BootTime now) const;

 private:
  const Period* period(BootTime now) const;

  Options options_;
  Chance& chance_;
};

/// What the other side answers in place of the API; `now_unix_s` is for headers that name a time.
Answer fault_answer(Fault fault, Chance& chance, std::int64_t now_unix_s);

}  // namespace flowmyna::simulation
