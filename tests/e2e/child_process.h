#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace flowmyna::test {

/// A real process, with its output in a file. Killed when it goes out of scope.
class ChildProcess {
 public:
  /// `environment` is added to the test's own. Standard output and error go to `log_path`.
  ChildProcess(const std::vector<std::string>& arguments,
               const std::map<std::string, std::string>& environment, std::string log_path);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Waits for the end: the exit code, or 128 + the signal. Fails the test after `timeout_s`.
  int wait(int timeout_s = 60);
  bool is_running();
  std::string log() const;

 private:
  pid_t pid_ = -1;
  int exit_code_ = -1;
  std::string log_path_;
};

}  // namespace flowmyna::test
