#include "delivery/connections.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/sockios.h>
#include <linux/tcp.h>  // not the C library's, whose tcp_info ends too early
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <utility>

namespace flowmyna {
namespace {

struct LocalEnd {
  std::string address;  // as LocalAddresses has it; empty when unspecified
  int port = 0;
};

std::string address_bytes(const sockaddr* socket_address) {
  if (socket_address == nullptr) return {};
  if (socket_address->sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in*>(socket_address)->sin_addr;
    return {reinterpret_cast<const char*>(&v4), sizeof v4};
  }
  if (socket_address->sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6*>(socket_address)->sin6_addr;
    return {reinterpret_cast<const char*>(&v6), sizeof v6};
  }
  return {};
}

std::string address_bytes(const std::string& text) {
  std::array<char, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in_addr)};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.data(), bytes.size()};
  return {};
}

LocalEnd local_end(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (getsockname(socket, address, &size) != 0) return {};
  LocalEnd end{address_bytes(address), 0};
  if (storage.ss_family == AF_INET) {
    end.port = ntohs(reinterpret_cast<const sockaddr_in*>(address)->sin_port);
  } else if (storage.ss_family == AF_INET6) {
    end.port = ntohs(reinterpret_cast<const sockaddr_in6*>(address)->sin6_port);
  }
  if (end.address.find_first_not_of('\0') == std::string::npos) end.address.clear();
  return end;
}

void set_linger(int socket, bool on) {
  const linger option{on ? 1 : 0, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, sizeof option);
}

/// All zero beyond what the kernel knows.
tcp_info info_of(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return info;
}

/// Bytes that were written and that the peer has not acknowledged (tcp(7), SIOCOUTQ).
int unacknowledged_bytes(int socket) {
  int bytes = 0;
  return ioctl(socket, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

}  // namespace

LocalAddresses LocalAddresses::of_machine() {
  LocalAddresses addresses;
  ifaddrs* first = nullptr;
  addresses.unknown_ = getifaddrs(&first) != 0;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first, &freeifaddrs);
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    addresses.addresses_.insert(address_bytes(entry->ifa_addr));
  }
  return addresses;
}

bool LocalAddresses::has_address_of(int socket) const {
  const LocalEnd end = local_end(socket);
  return unknown_ || end.address.empty() || addresses_.contains(end.address);
}

void Connections::opened(int socket, std::uint64_t owner) {
  set_linger(socket, true);
  const unsigned silent_ms = kSilentSeconds * 1000;
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
  owners_[socket] = owner;
}

void Connections::close(int socket) {
  owners_.erase(socket);
  if (unacknowledged_bytes(socket) == 0) set_linger(socket, false);
  ::close(socket);
}

Connections::Started Connections::started(const std::string& local_ip, int local_port) {
  const std::string address = address_bytes(local_ip);
  for (auto& [socket, owner] : owners_) {
    const LocalEnd end = local_end(socket);
    if (end.port != local_port || end.address != address) continue;
    return {socket, std::exchange(owner, 0) == 0};
  }
  return {};
}

bool Connections::has_news(int socket) {
  pollfd polled{socket, POLLIN | POLLRDHUP, 0};
  return poll(&polled, 1, 0) > 0;
}

Progress Connections::progress_of(int socket) {
  const tcp_info info = info_of(socket);
  return {info.tcpi_bytes_acked, info.tcpi_bytes_received};
}

std::optional<bool> Connections::are_dead(std::uint64_t owner,
                                          const LocalAddresses& addresses) const {
  std::optional<bool> dead;
  for (const auto& [socket, candidate] : owners_) {
    if (candidate == owner) dead = dead.value_or(true) && is_dead(socket, addresses);
  }
  return dead;
}

bool Connections::is_dead(int socket, const LocalAddresses& addresses) const {
  if (!addresses.has_address_of(socket)) return true;
  return info_of(socket).tcpi_retransmits > 0;
}

}  // namespace flowmyna
