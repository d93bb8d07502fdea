#include "bench/load.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>

#include "bench/stream_socket.h"

namespace flowmyna::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLookMs = 100;  // how often a silent server is found out

Error broken(const std::string& what) {
  return {Error::Kind::kIo, what + ": " + std::strerror(errno)};
}

/// One writer.
struct Connection {
  stand_in::Descriptor socket;
  struct Request {
    std::string bytes;
    std::size_t messages = 0;
  };
  Request out;  ///< under way
  Request next;
  std::size_t sent = 0;
  std::string in;
  Clock::time_point begun;
};

class Load {
 public:
  Load(const LoadOptions& options, const Wire& wire)
      : options_(options), wire_(wire), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  Result<LoadResult> run() {
    if (auto connected = connect_all(); !connected) {
      return tl::make_unexpected(connected.error());
    }
    last_answer_ = begun_ = Clock::now();
    for (Connection& connection : connections_) prepare(connection);
    for (Connection& connection : connections_) {
      if (auto begun = begin_request(connection); !begun) return tl::make_unexpected(begun.error());
    }
    std::array<epoll_event, 256> events;
    while (under_way_ > 0) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), kLookMs);
      if (count == 0 && has_given_up()) break;
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (auto done = serve(*static_cast<Connection*>(event.data.ptr), event.events); !done) {
          return tl::make_unexpected(done.error());
        }
      }
    }
    result_.unanswered = under_way_;
    result_.seconds = std::chrono::duration<double>(last_answer_ - begun_).count();
    return std::move(result_);
  }

 private:
  Result<void> connect_all() {
    for (unsigned i = 0; i < options_.connections; ++i) {
      auto socket = connect_unix(options_.socket);
      if (!socket) return tl::make_unexpected(socket.error());
      Connection& connection = connections_.emplace_back();
      connection.socket = *std::move(socket);
      if (!watch(connection, EPOLL_CTL_ADD, EPOLLIN)) {
        return tl::make_unexpected(broken("cannot watch a connection"));
      }
    }
    return {};
  }

  bool watch(Connection& connection, int how, std::uint32_t what) const {
    epoll_event event{};
    event.events = what;
    event.data.ptr = &connection;
    return ::epoll_ctl(epoll_.get(), how, connection.socket.get(), &event) == 0;
  }

  bool is_over(Clock::time_point now) const {
    return now - begun_ >= options_.duration ||
           (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed));
  }

  /// Nothing has moved for as long as the caller has patience.
  bool has_given_up() const {
    const auto now = Clock::now();
    return now - last_answer_ >= options_.patience && (is_all_prepared() || is_over(now));
  }

  bool is_all_prepared() const { return prepared_ >= options_.operations; }

  /// Makes the request that follows the one under way, unless that was the last.
  void prepare(Connection& connection) {
    connection.next.bytes.clear();
    connection.next.messages = 0;
    if (is_all_prepared()) return;
    connection.next.messages =
        wire_.append_request(connection.next.bytes, options_.first + prepared_);
    prepared_ += connection.next.messages;
  }

  Result<void> begin_request(Connection& connection) {
    connection.begun = Clock::now();
    if (connection.next.messages == 0 || is_over(connection.begun)) return {};
    std::swap(connection.out, connection.next);
    connection.sent = 0;
    ++under_way_;
    return write(connection, false);
  }

  /// `was_full`: the socket had no room for all of it before.
  Result<void> write(Connection& connection, bool was_full) {
    const std::string_view left = std::string_view(connection.out.bytes).substr(connection.sent);
    const ssize_t written =
        ::send(connection.socket.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && errno != EAGAIN) return tl::make_unexpected(broken("cannot send"));
    if (written > 0) connection.sent += static_cast<std::size_t>(written);
    const bool is_full = connection.sent < connection.out.bytes.size();
    if (!is_full) prepare(connection);
    if (is_full != was_full) {
      watch(connection, EPOLL_CTL_MOD, is_full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    return {};
  }

  Result<void> serve(Connection& connection, std::uint32_t what) {
    if ((what & EPOLLOUT) != 0) {
      if (auto written = write(connection, true); !written) return written;
    }
    if ((what & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return {};
    std::array<char, 65536> buffer;
    const ssize_t got = ::recv(connection.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return {};
    if (got <= 0) return tl::make_unexpected(broken("the server closed a connection"));
    connection.in.append(buffer.data(), static_cast<std::size_t>(got));
    const WireAnswer answer = wire_.read_answer(connection.in);
    if (answer.size == 0) return {};
    finish_request(connection, answer);
    return begin_request(connection);
  }

  void finish_request(Connection& connection, const WireAnswer& answer) {
    --under_way_;
    last_answer_ = Clock::now();
    connection.in.erase(0, answer.size);
    if (answer.accepted) {
      result_.operations += connection.out.messages;
      result_.latencies.add(last_answer_ - connection.begun);
    } else {
      ++result_.refused;
    }
  }

  const LoadOptions& options_;
  const Wire& wire_;
  stand_in::Descriptor epoll_;
  std::deque<Connection> connections_;  // they stay where they are
  Clock::time_point begun_;
  Clock::time_point last_answer_;
  std::uint64_t prepared_ = 0;  // messages
  std::size_t under_way_ = 0;
  LoadResult result_;
};

}  // namespace

Result<LoadResult> run_load(const LoadOptions& options, const Wire& wire) {
  return Load(options, wire).run();
}

}  // namespace flowmyna::bench
