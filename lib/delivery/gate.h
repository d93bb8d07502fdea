#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/backoff.h"
#include "core/clock.h"
#include "core/judge.h"
#include "delivery/delivery_status.h"

namespace flowmyna {

/// Whether there is a way to the API at all, for every endpoint alike: name, connection, TLS, key,
/// 429, and whether a person paused delivery. What concerns an endpoint is its Lane's. Pure; `now`
/// is boot time and only moves forward.
///
/// After an outage the wait ends, and a health request probes the network without touching any
/// data. Its answer is a hint: what is no page, whatever its status, says that there is a way; a
/// page may be a captive portal's, or stand in front of health alone, so every second time a
/// request is tried instead. A key with which something was delivered is not wrong for what health
/// says. The same way is taken at start-up, so operations that are written
/// while there is no network stay unsealed and can coalesce.
///
/// A network that changes makes every wait moot but a 429's: that of a captive portal's 403 as well
/// as that of a missing route. The next attempt still lies `BackoffOptions::initial` after the
/// last failure, so a network that comes and goes a hundred times a second is tried no more often
/// than one that is merely down.
class Gate {
 public:
  Gate(BackoffOptions options, std::uint64_t seed) : options_(options), random_(seed) {}

  /// Requests may leave.
  bool is_open(BootTime now) const { return !paused_ && !needs_probe_ && now >= closed_until_; }
  /// A health request is due.
  bool wants_probe(BootTime now) const;
  /// When `is_open` or `wants_probe` will next change by itself.
  std::optional<BootTime> next_change(BootTime now) const;

  bool is_probing() const { return probing_; }
  void probe_sent(BootTime now);
  /// `sent_at` tells which probe it was: one that was overtaken by another says nothing any more,
  /// but a 429 holds for all. `is_answered`: HTTP was spoken, whoever spoke it.
  void probe_answered(const Verdict& verdict, bool is_answered, BootTime sent_at, BootTime now);
  void request_sent(BootTime now);
  /// A request failed in a way that may be the network's, or met a 429.
  void failed(const Verdict& verdict, BootTime sent_at, BootTime now);
  /// The key may be refused, or only here: health is asked at once.
  void doubt_key() {
    needs_probe_ = true;
    key_works_ = false;
  }
  /// The API has read and answered a request: there is a way. Whether it took anything.
  void reached(BootTime now, bool delivered);

  void pause() { paused_ = true; }
  void resume(BootTime now);
  /// Ends the wait: somebody asked for it. An attempt that is under way has its time all the same.
  void hurry(BootTime now);
  /// The same, but for the wait that a 429 asked for.
  void end_back_off(BootTime now);
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
  bool is_way(const Verdict& verdict) const;
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
  bool on_trial_ = true;   // until the API answers a request
  bool is_tried_ = false;  // the request that was sent on trial last is not answered yet
  BootTime trial_sent_at_{0};
  BootTime tried_at_{0};       // when anything left last
  bool data_is_next_ = false;  // health was answered by a page: a request is tried instead
  std::uint32_t failures_ = 0;
  DeliveryState reason_ = DeliveryState::kBackingOff;  // why it is closed
  BootTime closed_until_{0};
  BootTime not_before_{0};              // whatever the network does
  std::optional<BootTime> network_at_;  // when it last changed
  std::uint32_t failures_since_ = 0;    // since the network changed
  bool proven_ = false;                 // the API has answered since the network changed
  std::optional<BootTime> key_at_;      // when the key last changed
  bool key_works_ = false;              // the API has taken something with it, and not refused it
  BootTime throttled_until_{0};         // by a 429, which nothing that was sent before it can end
  std::uint32_t throttles_ = 0;         // in a row
  std::string last_error_;
};

}  // namespace flowmyna
