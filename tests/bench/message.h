#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace flowmyna::bench {

/// The size of every message that the figures are taken with.
inline constexpr std::size_t kMessageBytes = 220;

/// Upserts of `objects` objects in turn, or each of an object of its own.
class Messages {
 public:
  static constexpr std::uint64_t kAllDistinct = 0;

  explicit Messages(std::uint64_t objects = kAllDistinct) : objects_(objects) {}

  /// Appends message `number`, `kMessageBytes` of JSON that end in "}}".
  void append(std::string& out, std::uint64_t number) const;

 private:
  std::uint64_t objects_;
};

/// The row that the agent keeps of message `number`, as its own codec makes it. Whoever is compared
/// with the agent stores this.
std::string stored_row(std::uint64_t number);

}  // namespace flowmyna::bench
