// Preloaded into a server, it makes each of its syncs take longer by FLOWMYNA_SYNC_LONGER_US
// microseconds, as on a slower disk: the processor is free meanwhile.

#include <dlfcn.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace {

int sync_slowly(const char* name, int fd) {
  using Sync = int (*)(int);
  const auto sync = reinterpret_cast<Sync>(::dlsym(RTLD_NEXT, name));
  const int result = sync(fd);
  const char* const longer_us = std::getenv("FLOWMYNA_SYNC_LONGER_US");
  std::this_thread::sleep_for(
      std::chrono::microseconds(longer_us == nullptr ? 0 : std::atol(longer_us)));
  return result;
}

}  // namespace

extern "C" [[gnu::visibility("default")]] int fdatasync(int fd) {
  return sync_slowly("fdatasync", fd);
}

extern "C" [[gnu::visibility("default")]] int fsync(int fd) {
  return sync_slowly("fsync", fd);
}
