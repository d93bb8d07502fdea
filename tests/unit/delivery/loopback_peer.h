#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

namespace flowmyna::test {

// Only a hang reaches it.
inline constexpr int kPatienceMs = 60'000;

/// A TCP server on loopback that does nothing by itself.
class LoopbackPeer {
 public:
  /// All of 127.0.0.0/8 is this machine's. Port 0: any.
  explicit LoopbackPeer(const char* ip = "127.0.0.1", std::uint16_t port = 0)
      : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    inet_pton(AF_INET, ip, &address_.sin_addr);
    address_.sin_port = htons(port);
    socklen_t size = sizeof address_;
    // Small, so that a peer that does not read soon stops acknowledging.
    const int small = 4096;
    setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    bind(listener_, reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
    listen(listener_, 16);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size);
  }
  ~LoopbackPeer() { close(listener_); }
  LoopbackPeer(const LoopbackPeer&) = delete;
  LoopbackPeer& operator=(const LoopbackPeer&) = delete;

  const sockaddr_in& address() const { return address_; }
  std::uint16_t port() const { return ntohs(address_.sin_port); }
  /// -1 when nobody comes.
  int accept_one(int patience_ms = kPatienceMs) const {
    pollfd waiting{listener_, POLLIN, 0};
    return poll(&waiting, 1, patience_ms) == 1 ? accept(listener_, nullptr, nullptr) : -1;
  }

 private:
  int listener_;
  sockaddr_in address_{};
};

/// Reads to the end of a connection; the error that ended it, 0 for an orderly end.
inline int end_of(int socket) {
  char piece[4096];
  ssize_t size = 0;
  while ((size = recv(socket, piece, sizeof piece, 0)) > 0) continue;
  return size == 0 ? 0 : errno;
}

}  // namespace flowmyna::test
