#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "e2e/rig.h"

namespace flowmyna::test {

/// One request as the stand-in received it.
struct WireEntry {
  std::uint64_t number = 0;
  std::string path;  ///< below the API's base, such as "/object/batch"
  std::string key;   ///< Idempotency-Key; empty: none
  std::string body_hash;
  std::size_t body_bytes = 0;  ///< 0 also where the stand-in hung up before reading
  int status = 0;              ///< 0: no answer
  std::size_t items = 0;
  std::size_t applied = 0;  ///< of them, those that changed the API's state
  std::int64_t unix_ms = 0;
};

/// What went over the wire, from the stand-in's request log.
class WireLog {
 public:
  /// The requests after number `since`.
  static WireLog read(const Rig& rig, std::uint64_t since = 0);

  const std::vector<WireEntry>& entries() const { return entries_; }
  std::vector<WireEntry> to(const std::string& path) const;
  std::size_t count(const std::string& path) const { return to(path).size(); }
  std::uint64_t last_number() const { return entries_.empty() ? 0 : entries_.back().number; }

  /// Fails the test where one key came with two bodies: a resend is byte for byte.
  void expect_resends_are_equal() const;

 private:
  std::vector<WireEntry> entries_;
};

}  // namespace flowmyna::test
