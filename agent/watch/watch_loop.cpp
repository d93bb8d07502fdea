#include "agent/watch/watch_loop.h"

#include <poll.h>

#include <algorithm>

namespace flowmyna {
namespace {

using Monotonic = std::chrono::steady_clock;

}  // namespace

void WatchLoop::watch(int fd, std::function<void()> react) {
  watched_.push_back({fd, std::move(react)});
}

void WatchLoop::look_every(std::chrono::milliseconds interval, std::function<void()> look) {
  interval_ = interval;
  look_ = std::move(look);
  next_look_ = Monotonic::now() + interval;
}

void WatchLoop::run() {
  while (!has_ended_) {
    wait();
    if (has_ended_ || !look_ || Monotonic::now() < next_look_) continue;
    next_look_ = Monotonic::now() + interval_;
    look_();
  }
}

void WatchLoop::wait() {
  std::vector<pollfd> polled;
  for (const Watched& watched : watched_) polled.push_back({watched.fd, POLLIN, 0});
  int timeout_ms = -1;
  if (look_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_look_ - Monotonic::now());
    timeout_ms = static_cast<int>(std::max(left, std::chrono::milliseconds(0)).count());
  }
  if (poll(polled.data(), polled.size(), timeout_ms) <= 0) return;
  for (std::size_t i = 0; i < polled.size() && !has_ended_; ++i) {
    if (polled[i].revents != 0) watched_[i].react();
  }
}

}  // namespace flowmyna
