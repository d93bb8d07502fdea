#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
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
  /// The configuration was read again: as a flush, but for what a 429 asks for.
  void end_back_off();
  /// Ends the waits of all writers, also of those to come: the agent is stopping.
  void release_waits();
  /// There is a route, an address or a link that was not there, or the machine slept.
  void network_changed();
  /// A route, an address or a link went away, and nothing came.
  void network_lost();
  /// The transport uses another key from now on.
  void key_changed();

  DeliveryStatus status() const override { return board_.status(); }
  bool holds_unknown() const override { return options_.hold_unknown; }
  void flush() override;
  void pause() override;
  void resume() override;
  void returned(Receipt lowest) override;
  void refresh_health() override;
  void await(Wait wait) override;
  void stuck(std::size_t items_max, Done<std::vector<StuckItem>> done) override;
  void drop_pending(Receipt receipt, Done<void> done) override;
  void begin_export(Done<ExportView> done) override;
  void continue_export(std::string id, Done<ExportView> done) override;
  void give_up_exported(std::string id, std::vector<Receipt> receipts,
                        Done<std::uint64_t> done) override;

 private:
  using Work = std::function<void(Foreman&)>;

  /// The function runs on the delivery thread, before the foreman's next step.
  void post(Work work);
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
