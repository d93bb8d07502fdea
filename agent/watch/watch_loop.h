#pragma once

#include <chrono>
#include <functional>
#include <vector>

namespace flowmyna {

/// What the main thread does while the others work: it waits for descriptors to become readable,
/// and now and then looks around. All functions are called on the thread that calls `run`.
class WatchLoop {
 public:
  /// `react` is called whenever `fd` is readable. The descriptor stays the caller's and must live
  /// until the loop has ended.
  void watch(int fd, std::function<void()> react);
  /// `look` is called about every `interval` of waking time. The last call counts.
  void look_every(std::chrono::milliseconds interval, std::function<void()> look);

  /// Until `end` is called from one of the functions.
  void run();
  void end() { has_ended_ = true; }

 private:
  struct Watched {
    int fd;
    std::function<void()> react;
  };
  void wait();

  std::vector<Watched> watched_;
  std::chrono::milliseconds interval_{0};
  std::function<void()> look_;
  std::chrono::steady_clock::time_point next_look_;
  bool has_ended_ = false;
};

}  // namespace flowmyna
