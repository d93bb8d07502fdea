#include "client/unix_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace flowmyna::client {
namespace {

constexpr std::size_t kReceiveBytes = 16 * 1024;

std::chrono::milliseconds left(Deadline deadline) {
  const auto rest =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(rest, std::chrono::milliseconds(0));
}

std::string hint(int error) {
  switch (error) {
    case ENOENT:
      return "; is flowmyna-agent running, and does it listen there? (see [listen] socket)";
    case ECONNREFUSED:
      return "; the socket is left over, flowmyna-agent is not running";
    case EACCES:
      return "; this user may not use it (see [listen] socket_mode and socket_group)";
    case EAGAIN:
      return "; the agent does not take connections fast enough, try again";
    default:
      return "";
  }
}

std::string cannot_connect(const std::string& path, int error) {
  return "cannot connect to " + path + ": " + std::generic_category().message(error) + hint(error);
}

/// A blocking connect waits for room in the backlog; this bounds it (socket(7), SO_SNDTIMEO).
void bound_connect(int fd, Deadline deadline) {
  const auto rest = std::max(left(deadline), std::chrono::milliseconds(1));
  timeval limit{};
  limit.tv_sec = rest.count() / 1000;
  limit.tv_usec = (rest.count() % 1000) * 1000;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

}  // namespace

UnixStream& UnixStream::operator=(UnixStream&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

std::string UnixStream::connect(const std::string& path, Deadline deadline) {
  close();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return "the socket path '" + path + "' has " + std::to_string(path.size()) +
           " bytes; the kernel allows 1 to " + std::to_string(sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return cannot_connect(path, errno);
  bound_connect(fd_, deadline);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
  const int error = errno;
  close();
  return cannot_connect(path, error);
}

void UnixStream::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool UnixStream::is_stale() const {
  pollfd entry{fd_, POLLIN | POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) != 0;
}

StreamState UnixStream::send(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const auto state = wait(POLLOUT, deadline); state != StreamState::kOk) return state;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return StreamState::kClosed;
    } else if (errno != EINTR) {
      return StreamState::kFailed;
    }
  }
  return StreamState::kOk;
}

StreamState UnixStream::receive(std::string& buffer, Deadline deadline) {
  std::array<char, kReceiveBytes> chunk;
  while (true) {
    const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got > 0) {
      buffer.append(chunk.data(), static_cast<std::size_t>(got));
      return StreamState::kOk;
    }
    if (got == 0) return StreamState::kClosed;
    if (errno == ECONNRESET) return StreamState::kReset;
    if (errno == EAGAIN) {
      if (const auto state = wait(POLLIN, deadline); state != StreamState::kOk) return state;
    } else if (errno != EINTR) {
      return StreamState::kFailed;
    }
  }
}

StreamState UnixStream::wait(short events, Deadline deadline) const {
  while (true) {
    const auto rest = left(deadline);
    if (rest.count() == 0) return StreamState::kTimedOut;
    pollfd entry{fd_, events, 0};
    const auto rest_ms = static_cast<int>(std::min<std::int64_t>(rest.count(), 1'000'000));
    const int ready = ::poll(&entry, 1, rest_ms);
    if (ready > 0) return StreamState::kOk;
    if (ready < 0 && errno != EINTR) return StreamState::kFailed;
  }
}

}  // namespace flowmyna::client
