#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace flowmyna {

/// Opens /dev/null in the place of a standard descriptor that the process was started without
/// (`2>&-`). Otherwise the next file to be opened would get that number, and with it what is
/// printed: log lines in an outbox, progress in an export. To be called before anything is opened.
inline void open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number that is free, so it is this one. Without /dev/null (a bare chroot) what
    // only keeps the number, and fails to be read and written as if it were closed.
    if (open("/dev/null", O_RDWR) < 0) open("/", O_PATH);
  }
}

}  // namespace flowmyna
