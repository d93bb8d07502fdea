#include "bench/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "stand_in/socket.h"

namespace flowmyna::bench {
namespace {

constexpr std::size_t kWriteBytes = 4096;
constexpr off_t kFileBytes = 64 << 20;  // what is prepared is gone round, as a log would

Error broken(const std::string& path) {
  return {Error::Kind::kIo, path + ": " + std::strerror(errno)};
}

bool prepare(int file, DiskWrite how) {
  if (how == DiskWrite::kGrowing) return true;
  if (::posix_fallocate(file, 0, kFileBytes) != 0) return false;
  if (how == DiskWrite::kPreallocated) return ::fsync(file) == 0;
  const std::string zeros(1U << 20, '\0');
  for (off_t at = 0; at < kFileBytes; at += static_cast<off_t>(zeros.size())) {
    if (::pwrite(file, zeros.data(), zeros.size(), at) < 0) return false;
  }
  return ::fsync(file) == 0;
}

}  // namespace

Result<Latencies> measure_disk(const std::string& directory, DiskWrite how,
                               std::chrono::nanoseconds duration) {
  using Clock = std::chrono::steady_clock;
  const std::string path = directory + "/disk";
  ::unlink(path.c_str());
  const stand_in::Descriptor file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0 || !prepare(file.get(), how)) return tl::make_unexpected(broken(path));
  ::unlink(path.c_str());

  const std::string block(kWriteBytes, 'x');
  Latencies latencies;
  const auto begun = Clock::now();
  off_t at = 0;
  for (auto now = begun; now - begun < duration;) {
    if (::pwrite(file.get(), block.data(), block.size(), at) < 0 || ::fdatasync(file.get()) != 0) {
      return tl::make_unexpected(broken(path));
    }
    at += kWriteBytes;
    if (how == DiskWrite::kPreallocated && at >= kFileBytes)
      break;  // the rest would be overwritten
    if (how == DiskWrite::kOverwritten) at %= kFileBytes;
    const auto done = Clock::now();
    latencies.add(done - now);
    now = done;
  }
  return latencies;
}

}  // namespace flowmyna::bench
