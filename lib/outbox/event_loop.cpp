#include "outbox/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>

namespace flowmyna {
namespace {

int open_wake_fd() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

}  // namespace

EventLoop::EventLoop() : wake_fd_(open_wake_fd()) {}

EventLoop::~EventLoop() {
  ::close(wake_fd_);
}

void EventLoop::attach(Source& source) {
  between([&] { sources_.push_back(&source); });
  wake();
}

void EventLoop::detach(Source& source) {
  between([&] { std::erase(sources_, &source); });
}

void EventLoop::between(const std::function<void()>& work) {
  const std::lock_guard lock(mutex_);
  work();
}

void EventLoop::wake() {
  if (std::this_thread::get_id() == thread_.load(std::memory_order_relaxed)) return;
  if (woken_.exchange(true)) return;
  const std::uint64_t one = 1;
  // It can only fail because it was written before, which does as well.
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

void EventLoop::wait(std::optional<std::chrono::milliseconds> timeout) {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  const int timeout_ms = poll_timeout(timeout);
  ::poll(polled_.data(), static_cast<nfds_t>(polled_.size()), timeout_ms);
  if (polled_.front().revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(wake_fd_, &count, sizeof count);
    woken_.exchange(false);  // before the caller looks at what it was woken for
  }
  serve_ready();
}

/// Lists what has to be polled, and for how long.
int EventLoop::poll_timeout(std::optional<std::chrono::milliseconds> timeout) {
  const std::lock_guard lock(mutex_);
  polled_.assign(1, {wake_fd_, POLLIN, 0});
  owners_ = sources_;
  for (Source* source : owners_) {
    polled_.push_back({source->descriptor(), POLLIN, 0});
    const auto due = source->due_in();
    if (due && (!timeout || *due < *timeout)) timeout = due;
  }
  if (!timeout) return -1;
  constexpr std::chrono::milliseconds kLongest{std::numeric_limits<int>::max()};
  return static_cast<int>(std::clamp(*timeout, std::chrono::milliseconds{0}, kLongest).count());
}

void EventLoop::serve_ready() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < owners_.size(); ++i) {
    Source& source = *owners_[i];
    if (std::ranges::find(sources_, &source) == sources_.end()) continue;
    const auto due = source.due_in();
    if (polled_[i + 1].revents != 0 || (due && due->count() <= 0)) source.serve();
  }
}

}  // namespace flowmyna
