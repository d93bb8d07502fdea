#include "agent/process/system_clock.h"

#include <sys/timex.h>
#include <time.h>

#include <charconv>
#include <fstream>
#include <random>
#include <string>

namespace flowmyna {
namespace {

constexpr const char* kBootIdFile = "/proc/sys/kernel/random/boot_id";
constexpr std::int64_t kAskIntervalMs = 1000;

std::int64_t now_ms(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

BootId read_boot_id() {
  constexpr std::size_t kDigits = 16;
  std::string digits;
  std::getline(std::ifstream(kBootIdFile), digits);
  std::erase(digits, '-');
  BootId id = 0;
  const char* end = digits.data() + kDigits;
  if (digits.size() >= kDigits && std::from_chars(digits.data(), end, id, 16).ptr == end) {
    return id;
  }
  std::random_device random;
  return (static_cast<BootId>(random()) << 32) | random();
}

bool ask_kernel() {
  timex state{};  // modes 0: nothing is set
  return adjtimex(&state) != -1 && (state.status & STA_UNSYNC) == 0;
}

}  // namespace

SystemClock::SystemClock() : boot_id_(read_boot_id()) {}

BootTime SystemClock::boot_now() const {
  return BootTime(now_ms(CLOCK_BOOTTIME));
}

std::int64_t SystemClock::unix_now_ms() const {
  return now_ms(CLOCK_REALTIME);
}

bool SystemClock::is_synchronised() const {
  if (is_synchronised_) return true;
  const std::int64_t now = now_ms(CLOCK_BOOTTIME);
  if (now < ask_again_at_ms_) return false;
  ask_again_at_ms_ = now + kAskIntervalMs;
  if (ask_kernel()) is_synchronised_ = true;
  return is_synchronised_;
}

}  // namespace flowmyna
