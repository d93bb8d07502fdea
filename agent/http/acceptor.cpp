#include "agent/http/acceptor.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace flowmyna {
namespace {

using Monotonic = std::chrono::steady_clock;

/// How many are accepted at a time, before the open connections have their turn.
constexpr int kAcceptedMax = 16;
/// Whoever has the descriptors or the memory needs time to give some back.
constexpr std::chrono::milliseconds kRest{500};

std::string hint(int error) {
  if (error == EMFILE) return "; raise the limit on open files (LimitNOFILE= in the systemd unit)";
  if (error == ENFILE) return "; the whole machine has run out of them (sysctl fs.file-max)";
  return "";
}

}  // namespace

Acceptor::Acceptor(ListeningSocket socket, std::shared_ptr<HttpServer::Core> core)
    : socket_(std::move(socket)), core_(std::move(core)) {}

bool Acceptor::has_room() const {
  return core_->connections_open.load(std::memory_order_relaxed) < core_->options.max_connections;
}

/// poll(2) leaves out what is negative.
int Acceptor::descriptor() const {
  return !is_in_charge_ || is_stopped_ || resting_until_ || !has_room() ? -1 : socket_.fd();
}

std::optional<std::chrono::milliseconds> Acceptor::due_in() {
  if (is_stopped_ || !resting_until_) return std::nullopt;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*resting_until_ - Monotonic::now());
  return std::max(left, std::chrono::milliseconds{0});
}

void Acceptor::serve() {
  if (!is_in_charge_ || is_stopped_) return;
  resting_until_.reset();
  for (int i = 0; i < kAcceptedMax && has_room() && accept_one(); ++i) continue;
}

/// Whether there may be more to accept.
bool Acceptor::accept_one() {
  sockaddr_storage address{};
  socklen_t size_bytes = sizeof address;
  auto* const peer = reinterpret_cast<sockaddr*>(&address);
  const int fd = ::accept4(socket_.fd(), peer, &size_bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EINTR || errno == ECONNABORTED) return true;  // of this client alone
    if (errno != EAGAIN) rest(errno);
    return false;
  }
  // Closes the descriptor when it fails, out of memory or at a limit of the kernel.
  if (MHD_add_connection(core_->daemon, fd, peer, size_bytes) != MHD_YES) {
    rest(errno);
    return false;
  }
  told_error_ = 0;
  return true;
}

void Acceptor::rest(int error) {
  resting_until_ = Monotonic::now() + kRest;
  if (std::exchange(told_error_, error) == error) return;
  spdlog::error("cannot accept clients on {}: {}{}", socket_.name(),
                std::generic_category().message(error), hint(error));
}

void Acceptor::take_over() {
  if (std::exchange(is_in_charge_, true)) return;
  const int fd = MHD_quiesce_daemon(core_->daemon);
  if (fd >= 0) ::close(fd);  // a duplicate of ours
}

void Acceptor::stop() {
  take_over();
  is_stopped_ = true;
}

void Acceptor::replace(ListeningSocket socket) {
  take_over();
  while (has_room() && accept_one()) continue;
  resting_until_.reset();
  socket_ = std::move(socket);
}

}  // namespace flowmyna
