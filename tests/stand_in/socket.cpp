#include "stand_in/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace flowmyna::stand_in {
namespace {

/// Clients that connect faster than they are accepted wait here; more than any test opens.
constexpr int kBacklog = 1024;

std::string reason() {
  return std::strerror(errno);
}

Result<Descriptor> new_socket(int family) {
  Descriptor fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return fail(Error::Kind::kIo, "cannot open a socket: " + reason());
  return fd;
}

bool is_socket(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

bool answers(const sockaddr_un& address) {
  const auto probe = new_socket(AF_UNIX);
  return probe &&
         ::connect(probe->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Descriptor> bind_tcp(const std::string& host, std::uint16_t port) {
  auto fd = new_socket(AF_INET);
  if (!fd) return fd;
  const int on = 1;
  ::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return fail(Error::Kind::kInvalid, "\"" + host + "\" is no IPv4 address");
  }
  if (::bind(fd->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(Error::Kind::kBusy, "cannot bind " + host + ":" + std::to_string(port) + ": " +
                                        reason() + "; choose another port, or 0 for any");
  }
  return fd;
}

Result<Descriptor> bind_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Error::Kind::kInvalid, "the socket path " + path + " is longer than " +
                                           std::to_string(sizeof address.sun_path - 1) +
                                           " bytes; choose a shorter one");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  auto fd = new_socket(AF_UNIX);
  if (!fd) return fd;
  if (is_socket(path) && !answers(address)) ::unlink(path.c_str());
  if (::bind(fd->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(Error::Kind::kBusy,
                "cannot bind " + path + ": " + reason() + "; remove it or choose another path");
  }
  return fd;
}

Result<void> start_listening(const Descriptor& bound) {
  if (::listen(bound.get(), kBacklog) != 0) {
    return fail(Error::Kind::kIo, "cannot listen: " + reason());
  }
  return {};
}

std::uint16_t port_of(const Descriptor& bound) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(bound.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

}  // namespace flowmyna::stand_in
