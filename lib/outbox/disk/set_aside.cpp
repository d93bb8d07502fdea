#include "outbox/disk/set_aside.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>

#include "outbox/disk/disk_error.h"

namespace flowmyna {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSalvaged = ".salvaged-";
constexpr const char* kDamaged = ".damaged-";

/// A header and one frame of a page: less holds nothing (sqlite.org/fileformat2.html).
constexpr std::uintmax_t kLogBytesMin = 32 + 24 + 512;

std::uintmax_t size_of(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

Result<void> sync(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = descriptor >= 0 && fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  errno = error;
  if (!done) return disk_error("sync " + path);
  return {};
}

/// After it returns, a power cut leaves the new name.
Result<void> rename_for_good(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return disk_error("rename " + from + " to " + to);
  return sync(fs::path(to).parent_path());
}

/// The same, of what may not be there (any more).
Result<void> move_away(const std::string& from, const std::string& to) {
  std::error_code error;
  if (!fs::exists(from, error) && !error) return {};
  return rename_for_good(from, to);
}

/// `20261125T014624Z`
std::string time_text(std::int64_t unix_s) {
  const auto time = static_cast<std::time_t>(unix_s);
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return text.data();
}

Result<void> exchange(const std::string& path, const std::string& salvaged,
                      const std::string& damaged) {
  // An empty log stays where it is: it is kept for its inode, and of no file in particular.
  auto done =
      size_of(path + "-wal") > 0 ? move_away(path + "-wal", damaged + "-wal") : Result<void>{};
  if (done) done = move_away(path, damaged);
  if (done) done = rename_for_good(salvaged, path);
  return done;
}

/// A whole file that is not yet in its place.
std::optional<std::string> find_salvaged(const std::string& path) {
  const std::string begin = fs::path(path).filename().string() + kSalvaged;
  std::error_code error;
  for (fs::directory_iterator entry(fs::path(path).parent_path(), error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.starts_with(begin)) return path + name.substr(begin.size() - std::strlen(kSalvaged));
  }
  return std::nullopt;
}

}  // namespace

std::int64_t unix_now_s() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::floor<std::chrono::seconds>(now).count();
}

std::string salvage_path(const std::string& path) {
  return path + ".salvage";
}

std::string damaged_path(const std::string& path, std::int64_t now_unix_s) {
  const std::string name = path + kDamaged + time_text(now_unix_s);
  std::string free = name;
  std::error_code error;
  for (int i = 2; fs::exists(free, error) || fs::exists(free + "-wal", error); ++i) {
    free = name + "." + std::to_string(i);
  }
  return free;
}

Result<void> set_aside(const std::string& path, const std::string& damaged) {
  const std::string salvaged =
      path + kSalvaged + damaged.substr(path.size() + std::strlen(kDamaged));
  auto done = sync(salvage_path(path));
  if (done) done = rename_for_good(salvage_path(path), salvaged);
  if (done) done = exchange(path, salvaged, damaged);
  return done;
}

Result<void> finish_set_aside(const std::string& path) {
  std::error_code error;
  fs::remove(salvage_path(path), error);
  const auto salvaged = find_salvaged(path);
  if (!salvaged) return {};
  const auto time_at = path.size() + std::strlen(kSalvaged);
  return exchange(path, *salvaged, path + kDamaged + salvaged->substr(time_at));
}

Result<std::string> set_strange_log_aside(const std::string& path, std::int64_t now_unix_s) {
  if (size_of(path + "-wal") == 0) return "";
  // sqlite.org/fileformat2.html, "The Database Header": written with a log (2), or without one (1).
  constexpr std::streamoff kVersionsAt = 18;
  std::array<char, 2> versions{};
  std::ifstream file(path, std::ios::binary);
  file.seekg(kVersionsAt).read(versions.data(), versions.size());
  if (!file || versions != std::array<char, 2>{1, 1}) return "";
  const std::string as = path + ".other-" + time_text(now_unix_s) + "-wal";
  if (auto done = rename_for_good(path + "-wal", as); !done)
    return tl::make_unexpected(done.error());
  return as;
}

Result<std::string> set_clone_aside(const std::string& path, std::int64_t now_unix_s) {
  const std::string as = path + ".cloned-" + time_text(now_unix_s);
  if (auto done = rename_for_good(path, as); !done) return tl::make_unexpected(done.error());
  return as;
}

std::vector<std::string> damaged_files(const std::string& path) {
  const std::string begin = fs::path(path).filename().string() + kDamaged;
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(fs::path(path).parent_path(), error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.starts_with(begin) && !name.ends_with("-wal")) files.push_back(entry->path());
  }
  std::ranges::sort(files);
  return files;
}

bool is_being_set_aside(const std::string& path) {
  return find_salvaged(path).has_value();
}

Result<void> check_remains(const std::string& path, bool was_used) {
  std::error_code error;
  const bool is_there = fs::exists(path, error);
  if (error || size_of(path) > 0) return {};
  if (size_of(path + "-wal") >= kLogBytesMin || (is_there && was_used)) {
    return fail(
        Error::Kind::kCorrupt,
        "the outbox " + path + (is_there ? " is empty" : " is gone") + " although it was in use");
  }
  return {};
}

}  // namespace flowmyna
