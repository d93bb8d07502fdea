#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "core/clock.h"
#include "faults.h"

namespace flowmyna::simulation {

/// When delivery may try again, told from outside: after a failure, one attempt at a time, and
/// none before the wait that the failure asks for; until the API answers a request again. Between
/// two attempts the wait counts from the sending of the first, because what was under way beside
/// it may have failed, and started the wait, before it did.
///
/// A network that changes ends every wait but a 429's, down to `retry_initial` after the sending of
/// what failed. What was under way for so long when or after it changed is overtaken: it counts no
/// more as under way, and its failure says nothing once something else was tried, or got through.
class BackOffRule {
 public:
  using Wait = std::chrono::milliseconds;

  explicit BackOffRule(Wait retry_initial) : retry_initial_(retry_initial) {}

  struct Sent {
    BootTime at{0};
    bool is_attempt = false;  ///< to get through after a failure
    std::string wrong;        ///< about sending now; empty when nothing is
  };
  Sent sent(bool is_probe, BootTime now);
  /// The answer to a request; `asked_wait` is what a 429 asks for.
  void answered(Fault fault, Wait asked_wait, bool is_probe, const Sent& sent, BootTime now);
  /// Somebody asked for an attempt at once.
  void hurried(BootTime now);
  void network_changed(BootTime now);
  bool is_overtaken(BootTime sent_at, BootTime now) const;
  /// A new process knows nothing of the old one's failures.
  void restarted() { *this = BackOffRule(retry_initial_); }

 private:
  std::string wrong_with_sending(BootTime now) const;
  void closed(BootTime since, Wait wait);
  bool is_of_old_network(BootTime sent_at) const { return network_at_ && sent_at <= *network_at_; }
  Wait wait_after(Fault fault, Wait asked_wait) const;

  Wait retry_initial_;
  bool is_open_ = true;
  std::multiset<BootTime> attempts_;  // under way, by their sending
  BootTime last_attempt_at_{0};
  BootTime not_before_{0};
  BootTime not_before_at_least_{0};  // whatever the network does
  std::optional<BootTime> network_at_;
  bool got_through_ = false;  // since the network changed
  BootTime throttled_until_{0};
};

}  // namespace flowmyna::simulation
