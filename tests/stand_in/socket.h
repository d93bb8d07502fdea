#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/result.h"

namespace flowmyna::stand_in {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// A TCP socket bound to an IPv4 address, not yet listening: connections are refused, and nobody
/// else gets the port. 0 lets the kernel choose.
Result<Descriptor> bind_tcp(const std::string& address, std::uint16_t port);

inline constexpr const char* kLoopback = "127.0.0.1";

inline Result<Descriptor> bind_loopback(std::uint16_t port) {
  return bind_tcp(kLoopback, port);
}

/// A Unix stream socket bound to `path`. A socket that nobody answers on is replaced.
Result<Descriptor> bind_unix(const std::string& path);

Result<void> start_listening(const Descriptor& bound);

/// The port that a TCP socket is bound to.
std::uint16_t port_of(const Descriptor& bound);

}  // namespace flowmyna::stand_in
