#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowmyna::bench {

/// What a process has used since it began.
struct Usage {
  std::chrono::nanoseconds cpu{0};  ///< user and system, all threads
};

/// What a process holds, from /proc/PID/status, in bytes.
struct Memory {
  double resident = 0;   ///< VmRSS
  double anonymous = 0;  ///< RssAnon: without the mapped program and libraries
};

/// What is known once a process has ended.
struct Totals {
  int exit_code = -1;        ///< or 128 + the signal
  double written_bytes = 0;  ///< to disk, the last checkpoint included
};

/// A server under measurement. Killed when it goes out of scope.
///
/// What it writes is told by the kernel at its end (`ru_oublock`), since /proc/PID/io is closed to
/// other users where a process guards its memory, as the agent does: a benchmark needs no root.
class Process {
 public:
  /// `environment` is added to our own; standard output and error go to `log_path`.
  static Result<Process> start(const std::vector<std::string>& command,
                               const std::map<std::string, std::string>& environment,
                               const std::string& log_path);
  Process() = default;  ///< none
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  Usage usage() const;
  Memory memory() const;
  std::string log() const;
  bool is_running();
  /// Sends the signal and waits for the end.
  Totals stop(int signal);

 private:
  Process(pid_t pid, std::string log_path) : pid_(pid), log_path_(std::move(log_path)) {}
  bool reap(int options);

  pid_t pid_ = -1;
  std::string log_path_;
  Totals totals_;
};

/// CPU time that a running process has used; `Memory` of it. Any process of ours or of others.
Usage usage_of(pid_t pid);
Memory memory_of(pid_t pid);

}  // namespace flowmyna::bench
