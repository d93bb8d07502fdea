#include "loop/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace flowmyna {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

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

void EventLoop::wait(std::optional<milliseconds> timeout) {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  const auto due = list_polled();
  if (due && (!timeout || *due < *timeout)) timeout = due;
  poll(timeout);
  serve(true);
}

void EventLoop::look(nanoseconds patience) {
  list_polled();
  poll(patience);
  serve(false);
}

/// Lists what has to be polled; gives when the first source is due.
std::optional<milliseconds> EventLoop::list_polled() {
  const std::lock_guard lock(mutex_);
  polled_.assign(1, {wake_fd_, POLLIN, 0});
  owners_ = sources_;
  std::optional<milliseconds> first;
  for (Source* source : owners_) {
    polled_.push_back({source->descriptor(), POLLIN, 0});
    const auto due = source->due_in();
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

void EventLoop::poll(std::optional<nanoseconds> timeout) {
  timespec limit{};
  if (timeout) {
    const nanoseconds left = std::max(*timeout, nanoseconds{0});
    limit.tv_sec = std::chrono::floor<std::chrono::seconds>(left).count();
    limit.tv_nsec = (left % std::chrono::seconds{1}).count();
  }
  ::ppoll(polled_.data(), static_cast<nfds_t>(polled_.size()), timeout ? &limit : nullptr, nullptr);
  if (polled_.front().revents == 0) return;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto taken = ::read(wake_fd_, &count, sizeof count);
  woken_.exchange(false);  // before the caller looks at what it was woken for
}

void EventLoop::serve(bool is_due_too) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < owners_.size(); ++i) {
    Source& source = *owners_[i];
    if (std::ranges::find(sources_, &source) == sources_.end()) continue;
    const bool is_ready = polled_[i + 1].revents != 0;
    const auto due = is_due_too && !is_ready ? source.due_in() : std::nullopt;
    if (is_ready || (due && due->count() <= 0)) source.serve();
  }
}

}  // namespace flowmyna
