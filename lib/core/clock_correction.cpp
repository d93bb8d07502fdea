#include "core/clock_correction.h"

#include "core/operation.h"
#include "core/timestamp.h"

namespace flowmyna {
namespace {

// The two clocks are read one after the other; whoever is interrupted in between tries again.
constexpr int kTriesMax = 10;

}  // namespace

ClockCorrection measure_correction(const Clock& clock) {
  ClockCorrection correction{clock.boot_id(), 0};
  auto closest = BootTime::max();
  for (int i = 0; i < kTriesMax && closest > BootTime(1); ++i) {
    const BootTime before = clock.boot_now();
    const std::int64_t unix_ms = clock.unix_now_ms();
    const BootTime apart = clock.boot_now() - before;
    if (apart >= closest) continue;
    closest = apart;
    correction.unix_minus_boot_ms = unix_ms - before.count();
  }
  return correction;
}

std::optional<CorrectedEvent> corrected(std::string_view stored,
                                        const ClockCorrection& correction) {
  const auto stamp = boot_stamp_of(stored);
  if (!stamp || stamp->boot != correction.boot) return std::nullopt;
  auto operation = Operation::parse(stored);
  if (!operation) return std::nullopt;
  const std::int64_t unix_ms = correction.unix_ms(*stamp);
  const std::string timestamp = iso8601_utc(unix_ms);
  operation->timestamp = timestamp;
  operation->boot.reset();
  CorrectedEvent event;
  operation->encode(event.stored);
  event.accepted_unix_s = unix_ms / 1000;
  return event;
}

}  // namespace flowmyna
