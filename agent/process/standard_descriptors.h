#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace flowmyna {

/// Opens /dev/null in the place of a standard descriptor that the process was started without
/// (`2>&-`). Else the next file that is opened takes the number, and gets what is printed: an
/// outbox lines of the log, an export its progress. To be called before anything is opened.
inline void open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number that is free, so it is this one. Without /dev/null (a bare chroot) what
    // only keeps the number, and fails to be read and written as if it were closed.
    if (open("/dev/null", O_RDWR) < 0) open("/", O_PATH);
  }
}

}  // namespace flowmyna
