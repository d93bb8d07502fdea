#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace flowmyna::ctl {

/// `label [########------------]  40 %  text`; `total` 0 means unknown and leaves the bar out.
std::string progress_line(const std::string& label, std::uint64_t done, std::uint64_t total,
                          const std::string& text);

/// Progress on standard error: a bar that is redrawn on a terminal, a plain line now and then in a
/// log. Results go to standard output, so they can be piped while the bar is seen.
class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Cheap enough to call for every item: draws at most ten times a second on a terminal, every
  /// five seconds elsewhere.
  void update(std::uint64_t done, std::uint64_t total, const std::string& text);
  /// Takes the bar away before something else is printed.
  void clear();

 private:
  std::string label_;
  bool is_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace flowmyna::ctl
