#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/clock.h"
#include "faults.h"

namespace flowmyna::simulation {

/// When delivery may try again, told from outside: after a failure, one attempt at a time, and
/// none before the wait that the failure asks for; until the API answers a request again. Between
/// two attempts the wait counts from the sending of the first, because what was under way beside
/// it may have failed, and started the wait, before it did.
class BackOffRule {
 public:
  using Wait = std::chrono::milliseconds;

  explicit BackOffRule(Wait retry_initial) : retry_initial_(retry_initial) {}

  struct Sent {
    BootTime at{0};
    bool is_attempt = false;  ///< to get through after a failure
    std::string wrong;        ///< about sending now; empty when nothing is
  };
  Sent sent(BootTime now);
  /// The answer to a request; `asked_wait` is what a 429 asks for.
  void answered(Fault fault, Wait asked_wait, bool is_probe, const Sent& sent, BootTime now);
  /// Somebody asked for an attempt at once.
  void hurried(BootTime now);
  /// A new process knows nothing of the old one's failures.
  void restarted() { *this = BackOffRule(retry_initial_); }

 private:
  std::string wrong_with_sending(BootTime now) const;
  Wait wait_after(Fault fault, Wait asked_wait) const;

  Wait retry_initial_;
  bool is_open_ = true;
  int attempts_under_way_ = 0;
  BootTime not_before_{0};
  BootTime throttled_until_{0};
};

}  // namespace flowmyna::simulation
