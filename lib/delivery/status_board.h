#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "delivery/delivery_status.h"

namespace flowmyna {

/// Where delivery writes what other threads may know of it: all that its thread shares with them
/// but the queue. Any thread may read.
class StatusBoard {
 public:
  DeliveryStatus status() const;
  /// After so many operations were accepted in all: whether delivery has something to do for them.
  /// A batch that only grows, or a backlog that cannot leave, is no reason to wake a thread.
  bool wants(std::uint64_t accepted) const { return accepted >= wanted_from_; }

  // The delivery thread.

  /// From how many on `wants` says yes. Whoever sets it looks at what is accepted afterwards: who
  /// accepts either finds it here, or is found there.
  void want_from(std::uint64_t accepted) { wanted_from_ = accepted; }
  /// How all is now. Of `told` the health and the last success are not looked at, for they are
  /// posted as they happen.
  void publish(DeliveryStatus told);
  void health_answered(std::string body, BootTime at);
  void delivered(BootTime at);

  /// Events that are counted in what `publish` is given, until `forgot`, are counted by the outbox
  /// from now on: nobody should read of them twice before the delivery thread knows. The outbox's
  /// thread.
  void counted_by_outbox(std::uint64_t duplicates);
  /// They are not in what is published from now on.
  void forgot(std::uint64_t duplicates);

 private:
  std::atomic<std::uint64_t> wanted_from_{0};
  mutable std::mutex mutex_;
  DeliveryStatus status_;                // under mutex_
  std::uint64_t counted_by_outbox_ = 0;  // likewise
};

}  // namespace flowmyna
