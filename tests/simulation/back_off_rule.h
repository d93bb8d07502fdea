#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "core/clock.h"
#include "faults.h"

namespace flowmyna::simulation {

/// Whom a request asks.
enum class Channel : std::uint8_t { kHealth, kUpserts, kEvents };
inline constexpr std::size_t kChannels = 3;

/// When delivery may try again, told from outside. A failure that may be the network's closes the
/// way for all, unless something was taken since it was sent; any other closes its endpoint alone,
/// under the same condition. Then there is one attempt at a time, and none before the wait that the
/// failure asks for, until the endpoint takes something again. Between two attempts the wait counts
/// from the sending of the first, because what was under way beside it may have failed, and started
/// the wait, before it did.
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
    Channel channel = Channel::kHealth;
    bool is_attempt = false;                    ///< to get through after a failure
    std::string wrong;                          ///< about sending now; empty when nothing is
    std::optional<BootTime> failing_since;      ///< what it carries
    std::optional<BootTime> turned_away_since;  ///< likewise
  };
  Sent sent(Channel channel, BootTime now);
  /// The answer to a request; `asked_wait` is what a 429 asks for, `took_something` that the API
  /// has taken an item of it.
  void answered(Fault fault, Wait asked_wait, bool took_something, const Sent& sent, BootTime now);
  /// Somebody asked for an attempt at once.
  void hurried(BootTime now);
  void network_changed(BootTime now);
  bool is_overtaken(BootTime sent_at, BootTime now) const;
  /// A new process knows nothing of the old one's failures.
  void restarted() { *this = BackOffRule(retry_initial_); }

 private:
  struct State {
    bool is_open = true;
    std::multiset<BootTime> attempts;  // under way, by their sending
    BootTime waits_since{0};           // the last wait, at the earliest
    BootTime closed_at{0};             // and at the latest
    BootTime not_before{0};
    BootTime not_before_at_least{0};     // whatever the network does
    std::optional<BootTime> took_at;     // something
    std::set<BootTime> took_nothing_at;  // of requests that it has read, since then
  };

  State& of(Channel channel) { return states_[static_cast<std::size_t>(channel)]; }
  const State& of(Channel channel) const { return states_[static_cast<std::size_t>(channel)]; }
  std::string wrong_with_sending(Channel channel, BootTime now) const;
  void close(State& state, BootTime since, BootTime now, Wait wait);
  bool is_of_old_network(BootTime sent_at) const { return network_at_ && sent_at <= *network_at_; }
  bool took_since(BootTime sent_at) const;
  Wait wait_after(Fault fault, Wait asked_wait) const;

  static BootTime began(const State& state, const Sent& sent, BootTime now);

  Wait retry_initial_;
  std::array<State, kChannels> states_;  // that of health is the way to all of them
  BootTime last_sent_at_{0};
  std::optional<BootTime> network_at_;
  bool got_through_ = false;  // since the network changed
  BootTime throttled_until_{0};
  bool key_works_ = false;  // something was taken with it, and since then it was not refused
};

}  // namespace flowmyna::simulation
