#pragma once

#include <spdlog/sinks/base_sink.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace flowmyna {

/// Writes the log's lines to a descriptor that nobody may be reading: a pipe of a journal that
/// hangs, a terminal that was stopped, a disk that is full. Whoever logs never waits for it. Lines
/// are queued, whole and in order, and a thread writes them. Where the queue is full the oldest go,
/// and the next line that is written is preceded by one that says how many are missing. So do those
/// that the descriptor refuses.
///
/// The descriptor may be shared with other processes, whose writes O_NONBLOCK would change as well,
/// so it is left as it is. Hence the thread may hang in write(2) for as long as it likes: nobody
/// joins it, and it owns what it needs. The end of the process is the end of it.
///
/// spdlog's own asynchronous logger was rejected: its thread is joined at the end, it counts what
/// it dropped and tells nobody, and its queue is bounded in lines of any length.
///
/// Any thread may log.
class LogSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  /// The most that may be queued: the lines of a bad hour. One line is taken however long it is.
  static constexpr std::size_t kQueuedMaxBytes = 256UL << 10U;

  /// Starts its thread. `fd` must stay open until `finish` has returned true.
  static std::shared_ptr<LogSink> open(int fd, std::size_t queued_max_bytes = kQueuedMaxBytes);

  /// Queues `line` unchanged, after all that was logged before. It must end with a newline.
  void say(std::string line);
  /// Waits until all that was queued is written, for `patience` at most; whether it is. What is
  /// logged afterwards may be lost.
  bool finish(std::chrono::milliseconds patience);

 private:
  LogSink(int fd, std::size_t queued_max_bytes) : fd_(fd), queued_max_bytes_(queued_max_bytes) {}
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}  // the thread writes as soon as it can
  void queue(std::string line);
  void run();
  std::string tell_dropped(std::size_t lines);
  bool write(std::string_view line);

  const int fd_;
  const std::size_t queued_max_bytes_;
  bool is_torn_ = false;  // a line was begun and could not be ended; of the thread

  // Under the base's mutex_, which is never held while writing.
  std::deque<std::string> lines_;
  std::size_t queued_bytes_ = 0;
  std::size_t dropped_ = 0;  // lines since that was last told
  bool is_finishing_ = false;
  bool is_finished_ = false;  // all is written, and the thread is at its end
  std::condition_variable arrived_;
  std::condition_variable finished_;
};

}  // namespace flowmyna
