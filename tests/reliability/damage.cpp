#include "reliability/damage.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <vector>

namespace flowmyna::test {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kVersionAt = 60;  // sqlite.org/fileformat2.html: user version, 4 bytes

/// The two files of an outbox, being damaged.
class Damaging {
 public:
  Damaging(std::string path, std::mt19937_64& random) : path_(std::move(path)), random_(random) {}

  Damage run() {
    const bool has_log = std::filesystem::exists(path_ + "-wal");
    using Kind = std::function<void()>;
    std::vector<Kind> kinds = {
        [this] { flip(path_); },
        [this] { flip(path_); },
        [this] { overwrite(path_); },
        [this] { overwrite(path_); },
        [this] { cut(path_); },
        [this] { lose_header(); },
        [this] { replace("this was a database\n"); },
        [this] { replace(""); },
    };
    if (has_log) {
      kinds.insert(kinds.end(), {[this] { flip(log()); }, [this] { overwrite(log()); },
                                 [this] { cut(log()); }, [this] { delete_log(); }});
    }
    kinds[below(kinds.size())]();
    return std::move(out_);
  }

  Damage noise(const std::string& file, std::size_t at) {
    std::string bytes = load(file);
    const std::size_t size = std::min(kPageBytes, bytes.size() - at);
    for (std::size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<char>(random_());
    touch(file, at, size);
    out_.what += "noise at " + std::to_string(at);
    store(file, bytes);
    return std::move(out_);
  }

 private:
  std::string log() const { return path_ + "-wal"; }
  std::size_t below(std::size_t end) { return random_() % end; }

  /// One to eight bits, near each other or anywhere.
  void flip(const std::string& file) {
    std::string bytes = load(file);
    const std::size_t count = 1 + below(8);
    const bool is_burst = below(2) == 0;
    const std::size_t first = below(bytes.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = is_burst ? std::min(first + i, bytes.size() - 1) : below(bytes.size());
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
      touch(file, at, 1);
    }
    out_.what += "flip " + std::to_string(count) + " bits at " + std::to_string(first);
    store(file, bytes);
  }

  /// A block of the disk that was written wrong: zeros, noise, or a block from somewhere else.
  void overwrite(const std::string& file) {
    std::string bytes = load(file);
    const std::size_t size = std::min<std::size_t>(bytes.size(), 512U << below(5));
    const std::size_t at = below(bytes.size() - size + 1) / 512 * 512;
    const std::size_t other = below(bytes.size() - size + 1) / 512 * 512;
    const std::string source = bytes;
    const std::size_t kind = below(3);
    for (std::size_t i = 0; i < size; ++i) {
      bytes[at + i] = kind == 0   ? '\0'
                      : kind == 1 ? static_cast<char>(random_())
                                  : source[other + i];
    }
    touch(file, at, size);
    out_.what += "overwrite " + std::to_string(size) + " bytes at " + std::to_string(at);
    store(file, bytes);
  }

  void cut(const std::string& file) {
    const std::size_t size = std::filesystem::file_size(file);
    const std::size_t left = below(size);
    std::filesystem::resize_file(file, left);
    touch(file, left, size - left);
    out_.what += "cut to " + std::to_string(left) + " bytes";
  }

  void lose_header() {
    std::string bytes = load(path_);
    std::fill_n(bytes.begin(), std::min<std::size_t>(100, bytes.size()), '\0');
    touch(path_, 0, 100);
    out_.what += "zero the header";
    store(path_, bytes);
  }

  void replace(const std::string& content) {
    touch(path_, 0, std::filesystem::file_size(path_));
    out_.what += content.empty() ? "empty the file" : "replace the file by text";
    store(path_, content);
  }

  void delete_log() {
    std::filesystem::remove(log());
    out_.log_is_damaged = true;
    out_.what += "delete the log";
  }

  void touch(const std::string& file, std::size_t at, std::size_t size) {
    if (file != path_) {
      if (!out_.log_is_damaged) out_.what = "log: " + out_.what;
      out_.log_is_damaged = true;
      return;
    }
    for (std::size_t page = at / kPageBytes; page <= (at + size - 1) / kPageBytes; ++page) {
      out_.pages.insert(static_cast<std::uint32_t>(page + 1));
    }
    if (at < kVersionAt + 4 && at + size > kVersionAt) out_.version_is_hit = true;
  }

  static std::string load(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  static void store(const std::string& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }

  const std::string path_;
  std::mt19937_64& random_;
  Damage out_;
};

}  // namespace

Damage damage(const std::string& path, std::mt19937_64& random) {
  return Damaging(path, random).run();
}

Damage damage_page(const std::string& path, std::uint32_t page, std::mt19937_64& random) {
  return Damaging(path, random).noise(path, (page - 1) * kPageBytes);
}

Damage damage_frame(const std::string& path, std::uint32_t frame, std::mt19937_64& random) {
  constexpr std::size_t kHeader = 32;  // and 24 bytes before each page
  return Damaging(path, random).noise(path + "-wal", kHeader + frame * (kPageBytes + 24));
}

}  // namespace flowmyna::test
