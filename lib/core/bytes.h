#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flowmyna {

/// Variable-length unsigned integers (LEB128, 7 bits a byte, low bits first), 64-bit ones of fixed
/// length (little-endian) and length-prefixed strings: the building blocks of what the outbox
/// stores. Pure, no allocation besides `out`.

inline constexpr std::size_t kVarintMaxBytes = 10;  // 64 bits, 7 a byte

inline void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline void put_fixed64(std::string& out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

inline void put_string(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

/// The same into memory that has room for `string_size_max`; gives where it ends.
inline char* write_string(char* out, std::string_view text) {
  std::size_t size = text.size();
  for (; size >= 0x80; size >>= 7) *out++ = static_cast<char>(size | 0x80);
  *out++ = static_cast<char>(size);
  return out + text.copy(out, text.size());
}

inline std::size_t string_size_max(std::string_view text) {
  return kVarintMaxBytes + text.size();
}

/// Takes values off the front of `bytes`; every getter returns nothing once the input is too
/// short or malformed, and leaves `rest` alone then.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

  std::optional<std::uint8_t> byte() {
    if (rest_.empty()) return std::nullopt;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }

  std::optional<std::uint64_t> fixed64() {
    if (rest_.size() < sizeof(std::uint64_t)) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(sizeof value);
    return value;
  }

  /// Only the shortest form of a value is one, so that equal values have equal bytes.
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < rest_.size() && i < kVarintMaxBytes; ++i) {
      const auto byte = static_cast<std::uint8_t>(rest_[i]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
      if ((byte & 0x80) != 0) continue;
      const bool overflows = i + 1 == kVarintMaxBytes && byte > 1;
      const bool padded = i > 0 && byte == 0;
      if (overflows || padded) return std::nullopt;
      rest_.remove_prefix(i + 1);
      return value;
    }
    return std::nullopt;
  }

  std::optional<std::string_view> string() {
    ByteReader probe = *this;
    const auto length = probe.varint();
    if (!length || *length > probe.rest_.size()) return std::nullopt;
    const std::string_view text = probe.rest_.substr(0, *length);
    rest_ = probe.rest_.substr(*length);
    return text;
  }

 private:
  std::string_view rest_;
};

}  // namespace flowmyna
