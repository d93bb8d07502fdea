#pragma once

#include <sqlite3.h>

#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flowmyna::test {

/// While it lives, what SQLite opens goes to the file system as always, but what was synced is
/// remembered: `cut_power` leaves what a disk would hold that lost everything else. What is there
/// when a file is first opened counts as synced. Writes and
/// syncs can be made to fail; after a failed sync the written pages count as clean, as they do in
/// the kernel's cache: they can be read, and no later sync brings them to the disk. One at a time,
/// on one thread.
class TestDisk {
 public:
  TestDisk();
  ~TestDisk();
  TestDisk(const TestDisk&) = delete;
  TestDisk& operator=(const TestDisk&) = delete;

  /// Writes the synced state of the files of `from_directory` into another one, in which nothing
  /// was opened yet.
  void cut_power(const std::string& from_directory, const std::string& to_directory) const;

  /// How often files whose name ends so were synced.
  int syncs(const std::string& suffix) const;

  int write_error = SQLITE_OK;  ///< what every write answers, unless it is SQLITE_OK
  int write_errno = EIO;        ///< what the system is said to have given for it
  int sync_error = SQLITE_OK;

  /// Makes the N-th step from now on fail, and all after it if `for_good`. Steps are writes, syncs,
  /// truncations and deletions; a failed one changes nothing. A write's code is `write_code`.
  void fail_at(int step, bool for_good, int write_code = SQLITE_IOERR_WRITE);
  /// Whether there were so many steps.
  bool has_failed() const { return has_failed_; }
  void work_again() { failing_step_ = 0; }

 private:
  struct File {
    std::string path;
    const sqlite3_io_methods* real = nullptr;
    sqlite3_io_methods ours{};
  };
  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out);
  static int remove(sqlite3_vfs* vfs, const char* path, int sync_directory);
  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset);
  static int truncate(sqlite3_file* file, sqlite3_int64 size);
  static int sync(sqlite3_file* file, int flags);
  static int close(sqlite3_file* file);
  bool step_fails();

  static TestDisk* current_;

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::map<sqlite3_file*, std::unique_ptr<File>> open_;
  struct Range {
    sqlite3_int64 begin = 0;
    int size = 0;
  };
  std::map<std::string, std::string> synced_;          // content by path
  std::map<std::string, std::vector<Range>> written_;  // since the last sync, by path
  std::map<std::string, int> syncs_;                   // by path
  int steps_ = 0;
  int failing_step_ = 0;  // 0: none
  bool fails_for_good_ = false;
  bool has_failed_ = false;
  int write_code_ = SQLITE_IOERR_WRITE;
};

}  // namespace flowmyna::test
