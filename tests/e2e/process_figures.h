#pragma once

#include <sys/types.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace flowmyna::test {

/// The number behind `name` in a file of /proc; 0 when it is not there.
inline std::size_t figure(const std::string& file, const std::string& name) {
  std::ifstream figures(file);
  for (std::string line; std::getline(figures, line);) {
    if (line.starts_with(name + ":")) {
      return std::strtoul(line.c_str() + name.size() + 1, nullptr, 10);
    }
  }
  return 0;
}

/// "VmRSS": what is resident now; "VmHWM": the most that ever was.
inline std::size_t memory_kib(pid_t pid, const std::string& name) {
  return figure("/proc/" + std::to_string(pid) + "/status", name);
}

/// With system calls, from disk and cache alike.
inline std::size_t bytes_read(pid_t pid) {
  return figure("/proc/" + std::to_string(pid) + "/io", "rchar");
}

}  // namespace flowmyna::test
