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
  void probe_sent() { probing_ = true; }
  void probe_answered(const Verdict& verdict, BootTime now);
  /// A request was answered with anything but a settlement.
  void failed(const Verdict& verdict, BootTime now);
  /// The API settled a request.
  void delivered(BootTime now);

  void pause() { paused_ = true; }
  void resume(BootTime now);
  /// Ends the wait: somebody asked for it, or the network changed.
  void hurry(BootTime now);

  /// kDelivering stands for "open"; the foreman knows whether there is anything to deliver.
  DeliveryState state(BootTime now) const;
  const std::string& last_error() const { return last_error_; }

 private:
  void close(const Verdict& verdict, BootTime now);
  void throttle(std::chrono::milliseconds asked, BootTime now);
  bool waits_for_throttle(BootTime now) const;

  BackoffOptions options_;
  Random random_;
  bool paused_ = false;
  bool needs_probe_ = true;
  bool probing_ = false;
  bool on_trial_ = true;  // until the first settlement
  std::uint32_t failures_ = 0;
  DeliveryState reason_ = DeliveryState::kBackingOff;  // why it is closed
  BootTime closed_until_{0};
  bool throttled_ = false;       // by a 429, which nothing that was sent before it can end
  std::uint32_t throttles_ = 0;  // in a row
  std::string last_error_;
};

}  // namespace flowmyna
