#pragma once

#include <string>

#include "core/result.h"

namespace flowmyna {

/// Held on the outbox's database file itself while an agent owns it: so whoever deletes the lock
/// file beside it does not let a second agent in. Two locks tell whether somebody else has the
/// file. One is SQLite's own (fcntl, on the bytes from 2^30 on; sqlite.org/lockingv3.html), which
/// every program that has the database open holds; it is only looked at, and tells the other's pid.
/// The other is a flock, held from before the first byte is written, when SQLite has not locked
/// anything yet.
///
/// Closing any descriptor of a file takes the process's fcntl locks of it away. So this has to be
/// acquired before SQLite opens the file, and released after SQLite has closed it.
class DatabaseLock {
 public:
  /// kBusy, naming the other program, when there is one. A file that is not there is made, empty,
  /// if it `may_create` it, and otherwise there is nothing to hold.
  static Result<DatabaseLock> acquire(const std::string& path, bool may_create);
  ~DatabaseLock();
  DatabaseLock(DatabaseLock&& other) noexcept : descriptor_(other.descriptor_) {
    other.descriptor_ = -1;
  }
  DatabaseLock& operator=(DatabaseLock&&) = delete;
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;

 private:
  explicit DatabaseLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// "flowmyna-agent, pid 123": a process, in an operator's words; "pid 123" when its name is not to
/// be had.
std::string name_of_process(int pid);

}  // namespace flowmyna
