#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <optional>

#include "loop/event_loop.h"

namespace flowmyna::test {

/// Ready when the test says so, or due.
class Probe final : public EventLoop::Source {
 public:
  Probe() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Probe() override { ::close(fd_); }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  void make_ready() const { ASSERT_EQ(::eventfd_write(fd_, 1), 0); }

  int descriptor() const override { return fd_; }
  std::optional<std::chrono::milliseconds> due_in() override { return due; }
  void serve() override {
    eventfd_t count = 0;
    (void)::eventfd_read(fd_, &count);
    due.reset();
    ++served;
    if (on_serve) on_serve();
  }

  std::optional<std::chrono::milliseconds> due;
  std::function<void()> on_serve;
  std::atomic<int> served{0};

 private:
  int fd_;
};

}  // namespace flowmyna::test
