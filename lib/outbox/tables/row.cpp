#include "outbox/tables/row.h"

#include <libdeflate.h>
#include <uuid/uuid.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include "core/bytes.h"
#include "outbox/tables/deflate.h"

namespace flowmyna {
namespace {

constexpr std::size_t kCrcBytes = 4;
constexpr char kOperationFormat = 1;
constexpr char kSealFormat = 1;
constexpr char kFoldMapFormat = 1;
constexpr std::size_t kUuidBytes = 16;
// Each receipt's delta takes two bytes at most; a row's own receipt and the number of its members,
// which each may have, twelve.
constexpr std::size_t kFoldMapBytesMax = 14 * kFoldMapReceipts;

void put_fixed(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint32_t checksum(std::uint64_t key, std::string_view content) {
  std::array<unsigned char, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(key >> (8 * i));
  }
  const std::uint32_t of_key = libdeflate_crc32(0, bytes.data(), bytes.size());
  return libdeflate_crc32(of_key, content.data(), content.size());
}

/// What follows the checksum; nothing when that does not fit.
std::optional<std::string_view> checked(std::uint64_t key, std::string_view row) {
  if (row.size() < kCrcBytes) return std::nullopt;
  std::uint32_t stored = 0;
  for (std::size_t i = 0; i < kCrcBytes; ++i) {
    stored |= static_cast<std::uint32_t>(static_cast<unsigned char>(row[i])) << (8 * i);
  }
  const std::string_view content = row.substr(kCrcBytes);
  if (checksum(key, content) != stored) return std::nullopt;
  return content;
}

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

bool read_items(ByteReader& reader, std::vector<ItemMembers>& items) {
  const auto count = reader.varint();
  if (!count || *count > reader.rest().size()) return false;
  Receipt previous = 0;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto members = reader.varint();
    if (!members || *members > reader.rest().size()) return false;
    ItemMembers& item = items.emplace_back();
    item.reserve(*members);
    for (std::uint64_t m = 0; m < *members; ++m) {
      const auto delta = reader.varint();
      if (!delta) return false;
      previous += static_cast<Receipt>(unzigzag(*delta));
      item.push_back(previous);
    }
  }
  return reader.empty();
}

std::string with_checksum(std::uint64_t key, const std::string& content) {
  std::string row;
  put_fixed(row, checksum(key, content), kCrcBytes);
  return row + content;
}

/// What was folded into the next row of a fold map, with that row's receipt.
bool read_folded(ByteReader& reader, Receipt map, Receipt& row, std::vector<FoldedReceipt>& out) {
  const auto distance = reader.varint();
  const auto members = reader.varint();
  if (!distance || *distance == 0 || !members || *members > kFoldMapReceipts) return false;
  row += *distance;
  Receipt receipt = fold_map_begin(map);
  for (std::uint64_t i = 0; i < *members; ++i) {
    const auto delta = reader.varint();
    if (!delta || *delta >= kFoldMapReceipts) return false;
    receipt += *delta;
    if (receipt <= row || fold_map_of(receipt) != map) return false;
    out.push_back({receipt, row});
  }
  return true;
}

}  // namespace

void append_operation_row(std::string& out, Receipt receipt, const OperationRow& row) {
  const std::size_t begin = out.size();
  out.append(kCrcBytes, '\0');
  out.push_back(kOperationFormat);
  put_varint(out, static_cast<std::uint64_t>(row.accepted_unix_s));
  out.append(row.stored);
  const std::uint32_t crc = checksum(receipt, std::string_view(out).substr(begin + kCrcBytes));
  for (std::size_t i = 0; i < kCrcBytes; ++i) out[begin + i] = static_cast<char>(crc >> (8 * i));
}

std::optional<OperationRow> read_operation_row(Receipt receipt, std::string_view row) {
  const auto content = checked(receipt, row);
  if (!content) return std::nullopt;
  ByteReader reader(*content);
  if (reader.byte() != kOperationFormat) return std::nullopt;
  const auto time = reader.varint();
  if (!time) return std::nullopt;
  return OperationRow{static_cast<std::int64_t>(*time), reader.rest()};
}

std::string make_seal_row(const Seal& seal) {
  std::string content;
  content.push_back(kSealFormat);
  content.push_back(static_cast<char>(seal.kind));
  uuid_t key{};
  uuid_parse(seal.idempotency_key.c_str(), key);
  content.append(reinterpret_cast<const char*>(key), kUuidBytes);
  put_varint(content, seal.items.size());
  Receipt previous = 0;
  for (const ItemMembers& item : seal.items) {
    put_varint(content, item.size());
    for (const Receipt receipt : item) {
      put_varint(content, zigzag(static_cast<std::int64_t>(receipt - previous)));
      previous = receipt;
    }
  }
  return with_checksum(seal.id, content);
}

std::optional<Seal> read_seal_row(RequestId id, std::string_view row) {
  const auto content = checked(id, row);
  if (!content) return std::nullopt;
  ByteReader reader(*content);
  const auto format = reader.byte();
  const auto kind = reader.byte();
  if (format != kSealFormat || !kind || reader.rest().size() < kUuidBytes) return std::nullopt;
  if (*kind != static_cast<std::uint8_t>(Kind::kUpsert) &&
      *kind != static_cast<std::uint8_t>(Kind::kEvent)) {
    return std::nullopt;
  }
  Seal seal;
  seal.id = id;
  seal.kind = static_cast<Kind>(*kind);
  uuid_t key{};
  std::memcpy(key, reader.rest().data(), kUuidBytes);
  std::array<char, UUID_STR_LEN> text{};
  uuid_unparse_lower(key, text.data());
  seal.idempotency_key = text.data();
  ByteReader items(reader.rest().substr(kUuidBytes));
  if (!read_items(items, seal.items)) return std::nullopt;
  return seal;
}

std::string make_fold_map_row(Receipt map, std::vector<FoldedReceipt> folded) {
  std::ranges::sort(folded, {},
                    [](const FoldedReceipt& one) { return std::tuple(one.row, one.receipt); });
  std::string content;
  Receipt row = 0;
  for (auto begin = folded.begin(); begin != folded.end();) {
    const auto is_another = [&](const FoldedReceipt& one) { return one.row != begin->row; };
    const auto end = std::find_if(begin, folded.end(), is_another);
    put_varint(content, begin->row - row);
    put_varint(content, static_cast<std::uint64_t>(end - begin));
    row = begin->row;
    Receipt before = fold_map_begin(map);
    for (; begin != end; ++begin) {
      put_varint(content, begin->receipt - before);
      before = begin->receipt;
    }
  }
  // Objects that take turns are the rule, and cost next to nothing.
  return with_checksum(map, kFoldMapFormat + deflate(content));
}

std::optional<std::vector<FoldedReceipt>> read_fold_map_row(Receipt map, std::string_view row) {
  const auto content = checked(map, row);
  if (!content || !content->starts_with(kFoldMapFormat)) return std::nullopt;
  const auto inflated = inflate(content->substr(1), kFoldMapBytesMax);
  if (!inflated) return std::nullopt;
  ByteReader reader(*inflated);
  std::vector<FoldedReceipt> folded;
  Receipt into = 0;
  while (!reader.empty()) {
    if (!read_folded(reader, map, into, folded)) return std::nullopt;
  }
  std::ranges::sort(folded, {}, &FoldedReceipt::receipt);
  const auto twice = std::ranges::adjacent_find(folded, {}, &FoldedReceipt::receipt);
  if (twice != folded.end()) return std::nullopt;
  return folded;
}

}  // namespace flowmyna
