// LD_PRELOAD: a sector of a file that the disk cannot read any more (EIO). The file's inode, for a
// sector stays where it is when the file is renamed, and the offset stand in a file of the test's,
// `inode offset`; while that is not there, everything can be read.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace {

constexpr off64_t kSectorBytes = 512;

/// Without the C library's wrappers, which this file stands in front of.
std::string content_of(const char* path) {
  std::array<char, 4096> text{};
  const long file = path == nullptr ? -1 : syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
  if (file < 0) return {};
  const long size = syscall(SYS_read, file, text.data(), text.size());
  syscall(SYS_close, file);
  return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

bool is_unreadable(int file, std::size_t size, off64_t at) {
  static const char* const kNote = std::getenv("FLOWMYNA_BAD_SECTOR");
  const std::string note = content_of(kNote);
  const auto space = note.find(' ');
  if (space == std::string::npos) return false;
  const off64_t bad = std::strtoll(note.c_str() + space, nullptr, 10);
  if (at >= bad + kSectorBytes || at + static_cast<off64_t>(size) <= bad) return false;
  struct stat found {};
  return fstat(file, &found) == 0 && found.st_ino == std::strtoull(note.c_str(), nullptr, 10);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) ssize_t pread64(int file, void* bytes,
                                                                  size_t size, off64_t at) {
  using Pread = ssize_t (*)(int, void*, size_t, off64_t);
  static const auto kReal = reinterpret_cast<Pread>(dlsym(RTLD_NEXT, "pread64"));
  if (is_unreadable(file, size, at)) {
    errno = EIO;
    return -1;
  }
  return kReal(file, bytes, size, at);
}
