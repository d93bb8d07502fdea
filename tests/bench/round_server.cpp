#include "bench/round_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace flowmyna::bench {
namespace {

constexpr RoundServer::ConnectionId kListening = 0;
constexpr RoundServer::ConnectionId kSignals = 1;

bool watch(const stand_in::Descriptor& epoll, int fd, RoundServer::ConnectionId id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

RoundServer::RoundServer(stand_in::Descriptor listening, stand_in::Descriptor epoll,
                         stand_in::Descriptor signals)
    : listening_(std::move(listening)), epoll_(std::move(epoll)), signals_(std::move(signals)) {}

Result<RoundServer> RoundServer::open(stand_in::Descriptor listening) {
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  stand_in::Descriptor signals(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  stand_in::Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!watch(epoll, listening.get(), kListening) || !watch(epoll, signals.get(), kSignals)) {
    return fail(Error::Kind::kIo, "cannot set up epoll");
  }
  return RoundServer(std::move(listening), std::move(epoll), std::move(signals));
}

const std::vector<RoundServer::Received>& RoundServer::wait(int timeout_ms) {
  received_.clear();
  std::array<epoll_event, 512> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const ConnectionId id = events[static_cast<std::size_t>(i)].data.u64;
    if (id == kListening) {
      accept_all();
    } else if (id == kSignals) {
      has_ended_ = true;
    } else {
      receive(id);
    }
  }
  return received_;
}

void RoundServer::accept_all() {
  while (true) {
    stand_in::Descriptor socket(
        ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.get() < 0) return;
    const int on = 1;  // fails on a Unix socket, which has nothing of the kind
    (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const ConnectionId id = next_id_++;
    if (watch(epoll_, socket.get(), id)) connections_[id].socket = std::move(socket);
  }
}

void RoundServer::receive(ConnectionId id) {
  Connection& connection = connections_.at(id);
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    connection.in.append(buffer.data(), static_cast<std::size_t>(got));
    received_.push_back({id, &connection.in});
  } else if (got == 0 || errno != EAGAIN) {
    connections_.erase(id);
  }
}

void RoundServer::send(ConnectionId id, std::string_view bytes) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const int fd = found->second.socket.get();
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return;  // the next wait tells that it has gone
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (!bytes.empty()) {
      pollfd room{fd, POLLOUT, 0};
      ::poll(&room, 1, -1);
    }
  }
}

}  // namespace flowmyna::bench
