#include "agent/process/log_sink.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

namespace flowmyna {
namespace {

/// A line's place in the queue, so that short ones are bounded as well.
std::size_t cost_bytes(const std::string& line) {
  return line.size() + sizeof line;
}

/// What of it cannot be written; empty in the end, unless the descriptor fails.
std::string_view write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    pollfd writable{fd, POLLOUT, 0};
    ::poll(&writable, 1, -1);
    // No more than a pipe with any room takes in one piece (pipe(7)).
    const ssize_t written = ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    const bool may_go_on = written > 0 || (written < 0 && (errno == EINTR || errno == EAGAIN));
    if (!may_go_on) break;
  }
  return text;
}

}  // namespace

std::shared_ptr<LogSink> LogSink::open(int fd, std::size_t queued_max_bytes) {
  std::shared_ptr<LogSink> sink(new LogSink(fd, queued_max_bytes));
  std::thread thread([sink] { sink->run(); });
  pthread_setname_np(thread.native_handle(), "log");
  thread.detach();
  return sink;
}

void LogSink::say(std::string line) {
  const std::lock_guard lock(mutex_);
  queue(std::move(line));
}

bool LogSink::finish(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  is_finishing_ = true;
  arrived_.notify_one();
  return finished_.wait_for(lock, patience, [this] { return is_finished_; });
}

void LogSink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t formatted;
  formatter_->format(message, formatted);
  queue({formatted.data(), formatted.size()});
}

void LogSink::queue(std::string line) {
  queued_bytes_ += cost_bytes(line);
  lines_.push_back(std::move(line));
  while (queued_bytes_ > queued_max_bytes_ && lines_.size() > 1) {
    queued_bytes_ -= cost_bytes(lines_.front());
    lines_.pop_front();
    ++dropped_;
  }
  arrived_.notify_one();
}

void LogSink::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    arrived_.wait(lock, [this] { return !lines_.empty() || is_finishing_; });
    if (lines_.empty()) break;
    const std::size_t dropped = std::exchange(dropped_, 0);
    const std::string told = dropped > 0 ? tell_dropped(dropped) : std::string();
    const std::string line = std::move(lines_.front());
    queued_bytes_ -= cost_bytes(line);
    lines_.pop_front();
    lock.unlock();
    const bool is_told = write(told);
    const bool is_written = is_told && write(line);
    lock.lock();
    if (!is_told) dropped_ += dropped;
    if (!is_written) ++dropped_;
  }
  is_finished_ = true;
  finished_.notify_all();
}

/// Where the gap is: after what was written, and before the oldest line that is left.
std::string LogSink::tell_dropped(std::size_t lines) {
  const std::string text = std::to_string(lines) +
                           (lines == 1 ? " line of this log is" : " lines of this log are") +
                           " missing here: they were not read in time, or could not be written";
  spdlog::memory_buf_t formatted;
  formatter_->format({"agent", spdlog::level::warn, text}, formatted);
  return {formatted.data(), formatted.size()};
}

bool LogSink::write(std::string_view line) {
  if (is_torn_ && !write_all(fd_, "\n").empty()) return false;
  const std::size_t left_bytes = write_all(fd_, line).size();
  is_torn_ = left_bytes > 0 && left_bytes < line.size();
  return left_bytes == 0;
}

}  // namespace flowmyna
