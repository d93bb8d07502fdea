#include "tests/unit/outbox/test_disk.h"

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace flowmyna::test {

TestDisk* TestDisk::current_ = nullptr;

TestDisk::TestDisk() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
  assert(current_ == nullptr);
  current_ = this;
  // The real methods find what they need in the copy: only its name and these two are ours.
  vfs_.zName = "test-disk";
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  sqlite3_vfs_register(&vfs_, 1);
}

TestDisk::~TestDisk() {
  assert(open_.empty());
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_, 1);
  current_ = nullptr;
}

void TestDisk::cut_power(const std::string& from_directory, const std::string& to_directory) const {
  for (const auto& [path, content] : synced_) {
    const std::filesystem::path from(path);
    if (from.parent_path() != from_directory) continue;
    std::ofstream out(std::filesystem::path(to_directory) / from.filename(), std::ios::binary);
    out << content;
  }
}

int TestDisk::syncs(const std::string& suffix) const {
  int count = 0;
  for (const auto& [path, syncs] : syncs_) count += path.ends_with(suffix) ? syncs : 0;
  return count;
}

void TestDisk::fail_at(int step, bool for_good, int write_code) {
  steps_ = 0;
  failing_step_ = step;
  fails_for_good_ = for_good;
  has_failed_ = false;
  write_code_ = write_code;
}

bool TestDisk::step_fails() {
  ++steps_;
  const bool fails = failing_step_ != 0 &&
                     (steps_ == failing_step_ || (fails_for_good_ && steps_ > failing_step_));
  has_failed_ = has_failed_ || fails;
  return fails;
}

int TestDisk::open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
  if (path != nullptr && !current_->synced_.contains(path) && std::filesystem::exists(path)) {
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    current_->synced_[path] = content.str();
  }
  const int code = current_->real_->xOpen(vfs, path, file, flags, out);
  if (code != SQLITE_OK || path == nullptr) return code;
  auto entry = std::make_unique<File>(File{path, file->pMethods, *file->pMethods});
  entry->ours.xWrite = write;
  entry->ours.xTruncate = truncate;
  entry->ours.xSync = sync;
  entry->ours.xClose = close;
  file->pMethods = &entry->ours;
  current_->open_[file] = std::move(entry);
  return SQLITE_OK;
}

int TestDisk::remove(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  if (current_->step_fails()) return SQLITE_IOERR_DELETE;
  current_->synced_.erase(path);
  current_->written_.erase(path);
  return current_->real_->xDelete(vfs, path, sync_directory);
}

int TestDisk::write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  if (current_->write_error != SQLITE_OK) {
    errno = current_->write_errno;
    return current_->write_error;
  }
  if (current_->step_fails()) {
    errno = current_->write_code_ == SQLITE_FULL ? ENOSPC : EIO;
    return current_->write_code_;
  }
  const File& entry = *current_->open_.at(file);
  current_->written_[entry.path].push_back({offset, size});
  return entry.real->xWrite(file, bytes, size, offset);
}

int TestDisk::truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (current_->step_fails()) return SQLITE_IOERR_TRUNCATE;
  return current_->open_.at(file)->real->xTruncate(file, size);
}

int TestDisk::sync(sqlite3_file* file, int flags) {
  const File& entry = *current_->open_.at(file);
  const auto written = std::exchange(current_->written_[entry.path], {});
  if (current_->sync_error != SQLITE_OK) return current_->sync_error;
  if (current_->step_fails()) return SQLITE_IOERR_FSYNC;
  sqlite3_int64 size = 0;
  entry.real->xFileSize(file, &size);
  std::string& content = current_->synced_[entry.path];
  content.resize(static_cast<std::size_t>(size));
  for (const Range& range : written) {
    const auto length = static_cast<int>(std::min<sqlite3_int64>(range.size, size - range.begin));
    if (length > 0) entry.real->xRead(file, content.data() + range.begin, length, range.begin);
  }
  ++current_->syncs_[entry.path];
  // Nothing of this is worth waiting for the real disk.
  (void)flags;
  return SQLITE_OK;
}

int TestDisk::close(sqlite3_file* file) {
  const auto entry = std::move(current_->open_.at(file));
  current_->open_.erase(file);
  file->pMethods = entry->real;
  return entry->real->xClose(file);
}

}  // namespace flowmyna::test
