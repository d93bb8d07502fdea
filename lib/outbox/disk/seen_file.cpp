#include "outbox/disk/seen_file.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

namespace flowmyna {
namespace {

constexpr std::size_t kBytes = 256;  // less than a sector of any disk
constexpr const char* kBegin = "flowmyna-outbox-seen 1 ";

std::string with_checksum(const std::string& text) {
  return text + std::to_string(libdeflate_crc32(0, text.data(), text.size())) + "\n";
}

std::string line_of(const OutboxMark& mark) {
  return with_checksum(kBegin + mark.outbox + ' ' + std::to_string(mark.epoch) + ' ' +
                       std::to_string(mark.highest) + ' ' + std::to_string(mark.settled) + ' ');
}

}  // namespace

std::optional<OutboxMark> SeenFile::read() const {
  const int file = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return std::nullopt;
  std::array<char, kBytes> bytes{};
  const ssize_t size = pread(file, bytes.data(), bytes.size(), 0);
  close(file);
  std::istringstream text(std::string(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0));
  std::string name;
  std::string version;
  OutboxMark mark;
  text >> name >> version >> mark.outbox >> mark.epoch >> mark.highest >> mark.settled;
  if (!text || !text.str().starts_with(line_of(mark))) return std::nullopt;
  return mark;
}

Result<void> SeenFile::write(const OutboxMark& mark) const {
  std::string line = line_of(mark);
  line.resize(kBytes, '\n');
  const int file = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool done = file >= 0 &&
                    pwrite(file, line.data(), line.size(), 0) == static_cast<ssize_t>(kBytes) &&
                    fdatasync(file) == 0;
  const int error = errno;
  if (file >= 0) close(file);
  if (done) return {};
  return fail(Error::Kind::kIo, "cannot write " + path_ + ": " + std::strerror(error));
}

}  // namespace flowmyna
