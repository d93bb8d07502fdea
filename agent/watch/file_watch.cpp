#include "agent/watch/file_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <system_error>
#include <utility>

namespace flowmyna {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE |
                                  IN_ATTRIB | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |
                                  IN_ONLYDIR;
constexpr std::uint32_t kDirectoryItself = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED;

// As the kernel's own limit (path_resolution(7)).
constexpr int kLinksMax = 40;

// Somebody who changes the way more often than that is heard of again.
constexpr int kWalksMax = 5;

std::deque<std::string> parts_of(const fs::path& path) {
  std::deque<std::string> parts;
  for (const fs::path& part : path.relative_path()) {
    if (!part.empty() && part != ".") parts.push_back(part.string());
  }
  return parts;
}

/// What tells one state of a file from another.
std::string state_of(const fs::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return "";
  std::string state;
  for (const auto number :
       {static_cast<std::int64_t>(info.st_dev), static_cast<std::int64_t>(info.st_ino),
        static_cast<std::int64_t>(info.st_size), static_cast<std::int64_t>(info.st_mtim.tv_sec),
        static_cast<std::int64_t>(info.st_mtim.tv_nsec),
        static_cast<std::int64_t>(info.st_ctim.tv_sec),
        static_cast<std::int64_t>(info.st_ctim.tv_nsec)}) {
    state += std::to_string(number) + ' ';
  }
  return state;
}

}  // namespace

Result<FileWatch> FileWatch::open(const std::string& what, const std::string& instead) {
  FileWatch watch(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (watch.fd_ >= 0) return watch;
  return fail(
      Error::Kind::kUnsupported,
      "cannot watch " + what + ": " + std::generic_category().message(errno) + "; " + instead);
}

void FileWatch::set_file(const fs::path& file) {
  file_ = file.empty() ? file : fs::absolute(file);
  watch_way();
  last_look_ = state_of(file_);
}

FileWatch::FileWatch(FileWatch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      file_(std::move(other.file_)),
      names_(std::move(other.names_)),
      last_look_(std::move(other.last_look_)) {}

FileWatch::~FileWatch() {
  if (fd_ >= 0) close(fd_);
}

/// Walks until a whole walk finds nothing new: what changed during one walk is seen by the next, or
/// reported by inotify.
void FileWatch::watch_way() {
  for (int walks = 0; walks < kWalksMax && walk(); ++walks) continue;
}

/// Goes to the file as the kernel does, and watches each directory in which a link was followed,
/// and the one in which the way ended. Whether that is another set than before.
bool FileWatch::walk() {
  const auto old_names = std::exchange(names_, {});
  fs::path directory = "/";
  std::deque<std::string> parts = parts_of(file_);
  int links = 0;
  while (!parts.empty()) {
    const std::string name = std::move(parts.front());
    parts.pop_front();
    if (name == "..") {
      directory = directory.parent_path();
      continue;
    }
    std::error_code error;
    const fs::path next = directory / name;
    const fs::file_status status = fs::symlink_status(next, error);
    const bool is_link = fs::is_symlink(status);
    if (is_link || parts.empty() || !fs::is_directory(status)) watch_name(directory, name);
    if (is_link && ++links <= kLinksMax) {
      const fs::path target = fs::read_symlink(next, error);
      if (target.is_absolute()) directory = "/";
      auto way = parts_of(target);
      parts.insert(parts.begin(), way.begin(), way.end());
    } else if (fs::is_directory(status)) {
      directory = next;
    } else {
      break;
    }
  }
  for (const auto& [watch, names] : old_names) {
    if (!names_.contains(watch)) inotify_rm_watch(fd_, watch);
  }
  return names_ != old_names;
}

void FileWatch::watch_name(const fs::path& directory, const std::string& name) {
  const int watch = inotify_add_watch(fd_, directory.c_str(), kEvents);
  if (watch >= 0) names_[watch].insert(name);  // a directory that cannot be read is left to look()
}

bool FileWatch::concerns(int watch, const std::string& name) const {
  const auto found = names_.find(watch);
  return found != names_.end() && found->second.contains(name);
}

bool FileWatch::drain() {
  bool has_changed = false;
  bool is_lost = false;
  alignas(inotify_event) std::array<char, 4096> buffer{};
  ssize_t size = 0;
  while ((size = read(fd_, buffer.data(), buffer.size())) > 0) {
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      at += static_cast<ssize_t>(sizeof event + event.len);
      is_lost = is_lost || (event.mask & IN_Q_OVERFLOW) != 0 ||
                ((event.mask & kDirectoryItself) != 0 && names_.contains(event.wd));
      const std::string named(name, event.len == 0 ? 0 : strnlen(name, event.len));
      has_changed = has_changed || concerns(event.wd, named);
    }
  }
  if (file_.empty() || (!has_changed && !is_lost)) return false;
  watch_way();
  // A file that was created just now is empty until whoever writes it closes it: another event.
  struct stat info {};
  return stat(file_.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > 0;
}

bool FileWatch::look() {
  if (file_.empty()) return false;
  watch_way();
  std::string state = state_of(file_);
  const bool is_another = state != last_look_;
  last_look_ = std::move(state);
  return is_another;
}

}  // namespace flowmyna
