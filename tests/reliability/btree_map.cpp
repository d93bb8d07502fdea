#include "reliability/btree_map.h"

#include <stdexcept>

namespace flowmyna::test {
namespace {

constexpr std::uint32_t kPageBytes = 4096;
constexpr std::uint32_t kInner = 5;
constexpr std::uint32_t kLeaf = 13;

class Walk {
 public:
  Walk(const std::string& bytes, BtreeMap& out) : bytes_(bytes), out_(out) {}

  void page(std::uint32_t number, PageSet way) {
    way.insert(number);
    const std::size_t at = begin(number);
    const std::uint32_t type = byte(at);
    if (type != kInner && type != kLeaf) throw std::runtime_error("no table page");
    const std::uint32_t header = type == kInner ? 12 : 8;
    for (std::uint32_t i = 0; i < number16(at + 3); ++i) {
      const std::size_t cell = at + number16(at + header + 2 * i);
      type == kInner ? page(number32(cell), way) : row(cell, way);
    }
    if (type == kInner) page(number32(at + 8), way);
  }

  void free_pages() {
    for (std::uint32_t trunk = number32(32); trunk != 0; trunk = number32(begin(trunk))) {
      out_.free.insert(trunk);
      const std::uint32_t leaves = number32(begin(trunk) + 4);
      for (std::uint32_t i = 0; i < leaves; ++i) {
        out_.free.insert(number32(begin(trunk) + 8 + 4 * i));
      }
    }
  }

 private:
  void row(std::size_t at, PageSet pages) {
    const std::uint64_t payload = varint(at);
    const std::uint64_t receipt = varint(at);
    constexpr std::uint64_t kUsable = kPageBytes;
    constexpr std::uint64_t kLocalMax = kUsable - 35;
    constexpr std::uint64_t kLocalMin = (kUsable - 12) * 32 / 255 - 23;
    if (payload > kLocalMax) {
      const std::uint64_t fitting = kLocalMin + (payload - kLocalMin) % (kUsable - 4);
      const std::uint64_t local = fitting <= kLocalMax ? fitting : kLocalMin;
      std::uint32_t next = number32(at + local);
      for (; next != 0; next = number32(begin(next))) pages.insert(next);
    }
    out_.pages_of[receipt] = std::move(pages);
  }

  static std::size_t begin(std::uint32_t page) { return std::size_t{page - 1} * kPageBytes; }
  std::uint32_t byte(std::size_t at) const { return static_cast<std::uint8_t>(bytes_.at(at)); }
  std::uint32_t number16(std::size_t at) const { return (byte(at) << 8U) | byte(at + 1); }
  std::uint32_t number32(std::size_t at) const { return (number16(at) << 16U) | number16(at + 2); }
  std::uint64_t varint(std::size_t& at) const {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) {
      const std::uint32_t next = byte(at++);
      value = (value << 7U) | (next & 0x7FU);
      if ((next & 0x80U) == 0) return value;
    }
    return (value << 8U) | byte(at++);
  }

  const std::string& bytes_;
  BtreeMap& out_;
};

}  // namespace

BtreeMap map_btree(const std::string& bytes, std::uint32_t root) {
  BtreeMap map;
  map.pages = static_cast<std::uint32_t>(bytes.size() / kPageBytes);
  Walk walk(bytes, map);
  walk.page(root, {});
  walk.free_pages();
  return map;
}

}  // namespace flowmyna::test
