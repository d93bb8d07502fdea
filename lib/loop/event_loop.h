#pragma once

#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace flowmyna {

/// What one thread waits at: other threads wake it, and sources of its own are served on it.
class EventLoop {
 public:
  /// Something that is served on the loop's thread.
  class Source {
   public:
    virtual ~Source() = default;
    /// Readable while `serve` has something to do.
    virtual int descriptor() const = 0;
    /// After how long `serve` has to be called all the same; nothing: never.
    virtual std::optional<std::chrono::milliseconds> due_in() = 0;
    /// Does what can be done without waiting.
    virtual void serve() = 0;
  };

  /// Throws std::system_error when there is no descriptor to be had.
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Any thread, but not from within `serve`.
  void attach(Source& source);
  /// Afterwards it is not served any more. Any thread, but not from within `serve`.
  void detach(Source& source);
  /// Calls `work` at once, while no source is being served. Any thread, but not from `serve`.
  void between(const std::function<void()>& work);

  /// Lets `wait` return, now or as soon as it is called. Any thread; nothing on the loop's own,
  /// which is not waiting.
  void wake();

  /// When the loop serves the sources next, its thread will have done what they gave it to do up to
  /// now, and let them know what came of it. What they gave before `turn` grew and then know
  /// nothing of takes longer.
  void begin_turn() { ++turn_; }
  /// The loop's thread only.
  std::uint64_t turn() const { return turn_; }

  /// Waits until woken, until a source was served or for `timeout` at most (nothing: for ever; 0:
  /// only looks). Always the same thread.
  void wait(std::optional<std::chrono::milliseconds> timeout);
  /// Serves the sources at which something arrives, waiting for that for `patience` at most. The
  /// same thread.
  void look(std::chrono::nanoseconds patience = {});

 private:
  std::optional<std::chrono::milliseconds> list_polled();
  void poll(std::optional<std::chrono::nanoseconds> timeout);
  void serve(bool is_due_too);

  const int wake_fd_;
  std::atomic<bool> woken_{false};
  std::atomic<std::thread::id> thread_{};

  std::mutex mutex_;
  std::vector<Source*> sources_;  // under mutex_, which is held while one is served

  // The loop's thread only; what it polls, the wake-up first, and whom each further one belongs to.
  std::uint64_t turn_ = 0;
  std::vector<pollfd> polled_;
  std::vector<Source*> owners_;
};

}  // namespace flowmyna
