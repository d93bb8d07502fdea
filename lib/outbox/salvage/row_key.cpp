#include "outbox/salvage/row_key.h"

#include <array>

namespace flowmyna {
namespace {

constexpr std::size_t kCrcBytes = 4;
constexpr std::int64_t kHighMax = std::int64_t{1} << 21;  // of a number that JSON has exactly

/// The table of the reflected CRC-32 (RFC 1952, section 8), and which entry has a highest byte.
struct Tables {
  std::array<std::uint32_t, 256> step{};
  std::array<std::uint8_t, 256> by_highest{};
};

constexpr Tables make_tables() {
  constexpr std::uint32_t kPolynomial = 0xedb88320;
  Tables tables;
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    tables.step[i] = value;
    tables.by_highest[value >> 24] = static_cast<std::uint8_t>(i);
  }
  return tables;
}

/// The register before a byte, from the one after it.
std::uint32_t step_back(std::uint32_t behind, std::uint8_t byte) {
  static constexpr Tables kTables = make_tables();
  const std::uint8_t entry = kTables.by_highest[behind >> 24];
  return ((behind ^ kTables.step[entry]) << 8) | (entry ^ byte);
}

/// The lower half of the key of which this is the checksum and that the upper half.
std::uint32_t lower_half(std::uint32_t checksum, std::uint32_t upper) {
  std::uint32_t state = ~checksum;
  for (int byte = 3; byte >= 0; --byte) {
    state = step_back(state, static_cast<std::uint8_t>(upper >> (8 * byte)));
  }
  // A word is first combined with the register, and then stepped through as zeros are.
  for (int byte = 0; byte < 4; ++byte) state = step_back(state, 0);
  return ~state;
}

}  // namespace

std::optional<std::uint32_t> key_checksum_of(std::string_view row) {
  if (row.size() < kCrcBytes) return std::nullopt;
  std::uint32_t stored = 0;
  for (std::size_t i = 0; i < kCrcBytes; ++i) {
    stored |= static_cast<std::uint32_t>(static_cast<unsigned char>(row[i])) << (8 * i);
  }
  std::uint32_t state = ~stored;
  for (std::size_t i = row.size(); i > kCrcBytes; --i) {
    state = step_back(state, static_cast<std::uint8_t>(row[i - 1]));
  }
  return ~state;
}

std::optional<std::int64_t> key_with_checksum(std::uint32_t checksum, std::int64_t near,
                                              const KeyRange& keys) {
  for (const std::int64_t number : {keys.first, keys.last, near}) {
    const std::int64_t upper = number >> 32;
    if (upper < 0 || upper > kHighMax) continue;
    const std::int64_t key =
        upper << 32 | std::int64_t{lower_half(checksum, static_cast<std::uint32_t>(upper))};
    if (keys.first <= key && key <= keys.last) return key;
  }
  return std::nullopt;
}

}  // namespace flowmyna
