#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/backlog.h"
#include "core/clock.h"
#include "delivery/control.h"
#include "delivery/foreman.h"
#include "delivery/status_board.h"
#include "delivery/transport.h"

namespace flowmyna {

/// Delivery as the rest of the agent sees it, as the vault is the outbox: it owns its thread, the
/// queue to it, and on it the foreman and the transport. The thread runs what was queued, lets the
/// foreman do what is due, moves bytes, and sleeps until something of this happens.
///
/// Any thread may call anything that has no remark, from the construction on: what is asked for
/// before `start` waits. So the outbox can be wired to it before it exists itself.
class Delivery final : public DeliveryControl {
 public:
  Delivery(ForemanOptions options, std::unique_ptr<PolledTransport> transport, const Clock& clock);
  /// Stops at once; answers under way are lost. Call `stop` before for a clean end.
  ~Delivery() override;
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  /// Once. `backlog` must live until it has stopped, and what it calls back for as long as this.
  void start(Backlog& backlog);
  /// No new request leaves; lets answers under way come in for up to `grace`, then ends the thread.
  /// The thread that started it.
  void stop(std::chrono::milliseconds grace);

  /// Operations were accepted, so many in all.
  void accepted(std::uint64_t all);
  DeliveryStatus status() const override { return board_.status(); }
  bool holds_unknown() const override { return options_.hold_unknown; }
  void post(Work work) override;

 private:
  void wake();
  void run();
  void run_posted();

  const ForemanOptions options_;
  const Clock& clock_;
  StatusBoard board_;
  std::mutex mutex_;
  std::vector<Work> posted_;        // under mutex_
  std::atomic<bool> awake_{false};  // a wake-up is under way already
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> give_up_at_ms_{0};
  // The thread's own, but for the transport's `wake`.
  const std::unique_ptr<PolledTransport> transport_;
  std::optional<Foreman> foreman_;
  std::thread thread_;
};

}  // namespace flowmyna
