#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace flowmyna::client {

using Deadline = std::chrono::steady_clock::time_point;

/// How a step of the connection ended. `kReset` is exact on a Unix socket: Linux reports ECONNRESET
/// if and only if the other side closed with bytes of ours unread (unix_release_sock), so a request
/// was not read to its end.
enum class StreamState { kOk, kClosed, kReset, kTimedOut, kFailed };

/// One connected Unix stream socket; closes itself. Never raises SIGPIPE.
class UnixStream {
 public:
  UnixStream() = default;
  ~UnixStream() { close(); }
  UnixStream(UnixStream&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UnixStream& operator=(UnixStream&& other) noexcept;

  /// Empty when connected, else why not and what to do.
  std::string connect(const std::string& path, Deadline deadline);
  void close();
  bool is_open() const { return fd_ >= 0; }

  /// Whether the other side closed the connection, or sent something, while no request was under
  /// way.
  bool is_stale() const;

  /// All of `bytes` handed to the kernel, or not.
  StreamState send(std::string_view bytes, Deadline deadline);
  /// Appends what has arrived, at least one byte when kOk.
  StreamState receive(std::string& buffer, Deadline deadline);

 private:
  StreamState wait(short events, Deadline deadline) const;
  int fd_ = -1;
};

}  // namespace flowmyna::client
