#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/backoff.h"
#include "core/clock.h"
#include "core/judge.h"

namespace flowmyna {

enum class DeliveryState : std::uint8_t {
  kIdle,
  kDelivering,
  kBackingOff,
  kUnauthorized,
  kPaused,
  kMisconfigured,
};

/// When requests may leave: back-off, throttling, pause, and the way back to full speed. Pure;
/// `now` is boot time and only moves forward.
///
/// After an outage the way back has three steps: the wait ends, one health request probes the
/// network without touching any data, then one request goes alone until it is delivered, and only
/// that opens the gate for all. The same way is taken at start-up, so operations that are written
/// while the API is down stay unsealed and can coalesce.
///
/// A network that changes makes every wait moot but a 429's: that of a captive portal's 403 as well
/// as that of a missing route. The next attempt still lies `BackoffOptions::initial` behind the
/// last failure, so a network that comes and goes a hundred times a second is tried no more often
/// than one that is merely down.
class Gate {
 public:
  Gate(BackoffOptions options, std::uint64_t seed) : options_(options), random_(seed) {}

  /// How many requests may be in flight now: 0, 1 or `max`.
  std::size_t allowance(BootTime now, std::size_t max) const;
  /// A health request is due.
  bool wants_probe(BootTime now) const;
  /// When `allowance` or `wants_probe` will next change by itself.
  std::optional<BootTime> next_change(BootTime now) const;

  bool is_probing() const { return probing_; }
  void probe_sent(BootTime now);
  /// `sent_at` tells which probe it was: one that was overtaken by another says nothing any more,
  /// but a 429 holds for all.
  void probe_answered(const Verdict& verdict, BootTime sent_at, BootTime now);
  void request_sent(BootTime now);
  /// A request was answered with anything but a settlement.
  void failed(const Verdict& verdict, BootTime sent_at, BootTime now);
  /// The API settled a request.
  void delivered(BootTime now);

  void pause() { paused_ = true; }
  void resume(BootTime now);
  /// Ends the wait: somebody asked for it. An attempt that is under way has its time all the same.
  void hurry(BootTime now);
  /// There is a route, an address or a link that was not there, or the machine slept.
  void network_changed(BootTime now);
  /// From now on requests carry another key.
  void key_changed(BootTime now);
  /// Whether a request that left then was carried by a network that is no more: its failure does
  /// not speak of the present one.
  bool is_of_old_network(BootTime sent_at) const { return network_at_ && sent_at <= *network_at_; }
  /// When something that left then is late enough for another attempt, if the network changed
  /// under it.
  BootTime overtaken_at(BootTime sent_at) const { return sent_at + options_.initial; }

  /// kDelivering stands for "open"; the foreman knows whether there is anything to deliver.
  DeliveryState state(BootTime now) const;
  const std::string& last_error() const { return last_error_; }

 private:
  void close(const Verdict& verdict, BootTime sent_at, BootTime now);
  void throttle(std::chrono::milliseconds asked, BootTime now);
  std::chrono::milliseconds next_wait(BootTime now);
  bool is_of_old_key(const Verdict& verdict, BootTime sent_at) const;
  bool is_refuted(const Verdict& verdict, BootTime sent_at) const;
  bool probe_blocks(BootTime now) const;
  bool trial_blocks(BootTime now) const;

  BackoffOptions options_;
  Random random_;
  bool paused_ = false;
  bool needs_probe_ = true;
  bool probing_ = false;
  BootTime probe_sent_at_{0};
  bool on_trial_ = true;   // until the first settlement
  bool is_tried_ = false;  // the request that was sent on trial is not answered yet
  BootTime trial_sent_at_{0};
  std::uint32_t failures_ = 0;
  DeliveryState reason_ = DeliveryState::kBackingOff;  // why it is closed
  BootTime closed_until_{0};
  BootTime not_before_{0};              // whatever the network does
  std::optional<BootTime> network_at_;  // when it last changed
  std::uint32_t failures_since_ = 0;    // since the network changed
  bool proven_ = false;                 // something was delivered since the network changed
  std::optional<BootTime> key_at_;      // when the key last changed
  BootTime throttled_until_{0};         // by a 429, which nothing that was sent before it can end
  std::uint32_t throttles_ = 0;         // in a row
  std::string last_error_;
};

}  // namespace flowmyna
