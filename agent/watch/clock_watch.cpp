#include "agent/watch/clock_watch.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

namespace flowmyna {
namespace {

SuspendDetector::Time now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::milliseconds(time.tv_nsec / 1'000'000);
}

}  // namespace

Result<ClockWatch> ClockWatch::open() {
  ClockWatch watch(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (watch.fd_ < 0 || !watch.arm()) {
    return fail(Error::Kind::kUnsupported,
                "cannot watch the clock: " + std::generic_category().message(errno) +
                    "; waking from suspend is noticed late");
  }
  return watch;
}

ClockWatch::ClockWatch(int fd) : fd_(fd), detector_(now(CLOCK_BOOTTIME), now(CLOCK_MONOTONIC)) {}

ClockWatch::ClockWatch(ClockWatch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), detector_(other.detector_) {}

ClockWatch::~ClockWatch() {
  if (fd_ >= 0) close(fd_);
}

bool ClockWatch::arm() const {
  // The year 2255, or the end of a short time_t: beyond, the kernel's nanoseconds overflow.
  constexpr std::int64_t kNeverUnixS = 9'000'000'000;
  itimerspec never{};
  never.it_value.tv_sec =
      static_cast<time_t>(std::min<std::int64_t>(kNeverUnixS, std::numeric_limits<time_t>::max()));
  constexpr int kFlags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  return timerfd_settime(fd_, kFlags, &never, nullptr) == 0;
}

void ClockWatch::drain() {
  std::uint64_t expirations = 0;
  [[maybe_unused]] const ssize_t size = read(fd_, &expirations, sizeof expirations);
  arm();
}

SuspendDetector::Time ClockWatch::slept() {
  return detector_.look(now(CLOCK_BOOTTIME), now(CLOCK_MONOTONIC));
}

}  // namespace flowmyna
