#pragma once

#include <string>
#include <vector>

#include "event_queue.h"

namespace flowmyna::simulation {

/// What happened in a run, for whoever has to understand a failure. Off while many seeds run; a
/// seed that fails is run again with it.
class Trace {
 public:
  Trace(const VirtualClock& clock, bool is_on) : clock_(clock), is_on_(is_on) {}

  /// `line` gives the text, and is only called when somebody will read it.
  template <class Line>
  void note(Line line) {
    if (is_on_) lines_.push_back(stamp() + line());
  }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::string stamp() const {
    const auto ms = clock_.boot_now().count();
    std::string fraction = std::to_string(ms % 1000);
    return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction +
           "s  ";
  }

  const VirtualClock& clock_;
  bool is_on_;
  std::vector<std::string> lines_;
};

}  // namespace flowmyna::simulation
