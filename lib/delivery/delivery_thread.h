#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "delivery/courier.h"
#include "delivery/foreman.h"

namespace flowmyna {

/// The thread on which courier and foreman live: it runs what was posted, moves bytes, lets the
/// foreman do what is due, and sleeps until something of this happens.
///
/// Posting is open from the construction on, and what is posted before `start` waits; so the outbox
/// can be wired to it before there is a foreman.
class DeliveryThread {
 public:
  DeliveryThread(CourierOptions courier, const Clock& clock);
  /// Stops at once; answers under way are lost. Call `stop` before for a clean end.
  ~DeliveryThread();
  DeliveryThread(const DeliveryThread&) = delete;
  DeliveryThread& operator=(const DeliveryThread&) = delete;

  Courier& courier() { return courier_; }

  /// Any thread. The function runs on the delivery thread, before the foreman's next step.
  void post(std::function<void()> work);
  /// Any thread: something has been accepted.
  void wake();

  void start(Foreman& foreman);
  /// Lets answers under way come in for up to `grace`, then ends the thread.
  void stop(std::chrono::milliseconds grace);

 private:
  void run(Foreman& foreman);
  void run_posted();

  const Clock& clock_;
  Courier courier_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // under mutex_
  std::atomic<bool> awake_{false};             // a wake-up is under way already
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> give_up_at_ms_{0};
  std::thread thread_;
};

/// A random UUID in text form.
std::string random_uuid();

}  // namespace flowmyna
