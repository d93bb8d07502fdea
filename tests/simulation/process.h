#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "delivery/foreman.h"
#include "simulated_outbox.h"
#include "simulated_transport.h"

namespace flowmyna::simulation {

/// One run of the agent, from its start to its end or crash: the real foreman, planner and judge
/// between a simulated outbox and a simulated network, on a delivery thread of virtual time.
///
/// Destroying it is the crash: whatever is queued, posted or under way is gone.
class Process {
 public:
  Process(const ForemanOptions& options, const OutboxOptions& outbox_options,
          SimulatedOutbox::Surroundings outbox, SimulatedTransport::Surroundings transport,
          Foreman::MakeKey make_key);

  SimulatedOutbox& outbox() { return outbox_; }
  SimulatedTransport& transport() { return transport_; }
  DeliveryStatus status() const { return board_.status(); }
  bool is_quiet() const { return foreman_.is_quiet(); }
  std::vector<StuckItem> stuck(std::size_t items_max) const { return foreman_.stuck(items_max); }

  /// Runs on the delivery thread before the foreman's next step.
  void post(std::function<void()> work);
  void await(Wait wait) {
    post([this, wait = std::move(wait)] { foreman_.await(wait); });
  }
  void flush() {
    post([this] { foreman_.flush(); });
  }
  void pause() {
    post([this] { foreman_.pause(); });
  }
  void resume() {
    post([this] { foreman_.resume(); });
  }
  void returned(Receipt lowest) {
    post([this, lowest] { foreman_.returned(lowest); });
  }
  void drop_pending(Receipt receipt, Done<void> done) {
    post([this, receipt, done = std::move(done)] { foreman_.drop_pending(receipt, done); });
  }
  void network_changed() {
    post([this] { foreman_.network_changed(); });
  }
  /// The foreman has something to look at.
  void wake();

 private:
  void step();

  EventQueue& queue_;
  Chance& chance_;
  Findings& findings_;
  std::vector<std::function<void()>> posted_;
  bool is_woken_ = false;
  std::uint64_t sleep_ = 0;       // the number of the last sleep; an earlier one's end is void
  std::uint32_t idle_steps_ = 0;  // in a row
  SimulatedOutbox outbox_;
  SimulatedTransport transport_;
  StatusBoard board_;
  Foreman foreman_;
  Lifetime lifetime_;
};

}  // namespace flowmyna::simulation
