#include "agent/ctl/progress.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "agent/ctl/session.h"

namespace flowmyna::ctl {
namespace {

constexpr std::uint64_t kBarColumns = 30;
constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kLogLine{5};
constexpr const char* kEraseLine = "\r\x1b[K";  // ECMA-48, EL

}  // namespace

std::string progress_line(const std::string& label, std::uint64_t done, std::uint64_t total,
                          const std::string& text) {
  if (total == 0) return label + "  " + text;
  const double share = static_cast<double>(std::min(done, total)) / static_cast<double>(total);
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(kBarColumns));
  std::string percent = std::to_string(static_cast<int>(share * 100));
  percent.insert(0, 3 - std::min<std::size_t>(3, percent.size()), ' ');
  return label + " [" + std::string(filled, '#') + std::string(kBarColumns - filled, '-') + "] " +
         percent + " %  " + text;
}

Progress::Progress(std::string label)
    : label_(std::move(label)), is_terminal_(is_terminal(STDERR_FILENO)) {}

void Progress::update(std::uint64_t done, std::uint64_t total, const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + (is_terminal_ ? std::chrono::milliseconds(kRedraw) : kLogLine);
  if (is_terminal_) {
    std::cerr << kEraseLine << progress_line(label_, done, total, text) << std::flush;
    drawn_ = true;
  } else {
    std::cerr << label_ << ": " << text << std::endl;
  }
}

void Progress::clear() {
  if (drawn_) std::cerr << kEraseLine << std::flush;
  drawn_ = false;
}

}  // namespace flowmyna::ctl
