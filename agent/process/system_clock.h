#pragma once

#include <atomic>

#include "core/clock.h"

namespace flowmyna {

/// The kernel's clocks: CLOCK_BOOTTIME and CLOCK_REALTIME.
///
/// The kernel knows whether a time daemon (or whoever else keeps the clock) calls it right:
/// STA_UNSYNC, adjtimex(2). It is set at boot, and by every plain setting of the clock. Asked at
/// most once a second, so `is_synchronised` costs the accept path next to nothing, and may come
/// true that much too late.
class SystemClock final : public Clock {
 public:
  SystemClock();

  BootTime boot_now() const override;
  std::int64_t unix_now_ms() const override;
  bool is_synchronised() const override;
  /// The first half of /proc/sys/kernel/random/boot_id. Where that cannot be read, a random number:
  /// then no other run's stamps are taken for those of this boot.
  BootId boot_id() const override { return boot_id_; }

 private:
  const BootId boot_id_;
  mutable std::atomic<bool> is_synchronised_{false};
  mutable std::atomic<std::int64_t> ask_again_at_ms_{0};
};

}  // namespace flowmyna
