// LD_PRELOAD: gives a program another wall clock, another word of the kernel about it, and another
// boot. The boot clock stays the machine's own: nothing sets that.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "e2e/clock_file.h"

namespace {

using flowmyna::test::ClockFile;

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerS = 1'000'000'000;

const ClockFile& clock_file() {
  static const ClockFile* const file = [] {
    const int descriptor = open(std::getenv(flowmyna::test::kClockFileVariable), O_RDONLY);
    void* memory = mmap(nullptr, sizeof(ClockFile), PROT_READ, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) std::abort();
    close(descriptor);
    return static_cast<const ClockFile*>(memory);
  }();
  return *file;
}

}  // namespace

extern "C" {

// The signatures are the C library's; what it declares `nonnull` or `noexcept` stays so.
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, timespec* now) noexcept {
  const long result = syscall(SYS_clock_gettime, id, now);
  if (result != 0 || id != CLOCK_REALTIME) return static_cast<int>(result);
  const std::int64_t ns =
      now->tv_sec * kNsPerS + now->tv_nsec + clock_file().wall_off_by_ms.load() * kNsPerMs;
  now->tv_sec = ns / kNsPerS;
  now->tv_nsec = ns % kNsPerS;
  return 0;
}

__attribute__((visibility("default"))) int adjtimex(timex* state) noexcept {
  if (state->modes != 0) std::abort();  // the agent only asks
  const bool is_synchronised = clock_file().is_synchronised.load();
  state->status = is_synchronised ? STA_PLL : STA_UNSYNC;
  return is_synchronised ? TIME_OK : TIME_ERROR;
}

// What std::ifstream opens files with.
__attribute__((visibility("default"))) FILE* fopen64(const char* path, const char* mode) {
  static const auto original =
      reinterpret_cast<FILE* (*)(const char*, const char*)>(dlsym(RTLD_NEXT, "fopen64"));
  const bool is_boot_id = std::strcmp(path, "/proc/sys/kernel/random/boot_id") == 0;
  return original(is_boot_id ? std::getenv(flowmyna::test::kBootIdFileVariable) : path, mode);
}
}
