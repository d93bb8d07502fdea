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

/// What one thread waits on: other threads wake it, and the loop's sources are served on it.
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

  /// Lets `wait` return, now or as soon as it is called. Any thread; has no effect on the loop's
  /// own, which is not waiting.
  void wake();

  /// Begins another turn of the loop's thread: it now works on all that its sources have handed it,
  /// and tells them the outcome before it serves them again. A source that notes `turn` when it
  /// hands something over can tell by that: no outcome in a later turn means that it takes longer.
  void begin_turn() { ++turn_; }
  /// The loop's thread only.
  std::uint64_t turn() const { return turn_; }

  /// Waits until woken, until a source was served or for `timeout` at most (nothing: for ever; 0:
  /// only looks). Always the same thread.
  void wait(std::optional<std::chrono::milliseconds> timeout);
  /// Waits for at most `patience` until something arrives at the sources, and serves those at which
  /// it did. The same thread.
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
