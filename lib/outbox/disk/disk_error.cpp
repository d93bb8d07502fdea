#include "outbox/disk/disk_error.h"

#include <cerrno>
#include <cstring>

namespace flowmyna {

bool is_want_of_room(int code) {
  return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

const char* advice_for_want_of_room(int code) {
  switch (code) {
    case EDQUOT:
      return "make room, or raise the disk quota of the agent's user";
    case EFBIG:
      return "raise the limit of a file's size (ulimit -f, LimitFSIZE=), or move the outbox to a "
             "file system that takes larger files";
    default:
      return "make room on the disk (df -h, df -i)";
  }
}

namespace {

const char* advice_for(int code) {
  if (is_want_of_room(code)) return advice_for_want_of_room(code);
  switch (code) {
    case EACCES:
    case EPERM:
    case EROFS:
      return "this user must be allowed to read and write the file and its directory, and the file "
             "system must be mounted read-write";
    case EMFILE:
    case ENFILE:
      return "raise the limit on open files (LimitNOFILE= in the systemd unit)";
    default:
      return "check the disk and who may write to the outbox's directory";
  }
}

}  // namespace

tl::unexpected<Error> disk_error(const std::string& what) {
  const int code = errno;
  return fail(is_want_of_room(code) ? Error::Kind::kFull : Error::Kind::kIo,
              "cannot " + what + ": " + std::strerror(code) + "; " + advice_for(code));
}

}  // namespace flowmyna
