#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/result.h"

namespace flowmyna {

/// How far an outbox had come at some moment. Within an epoch none of the numbers ever falls.
struct OutboxMark {
  std::string outbox;        ///< its id
  std::int64_t epoch = 0;    ///< as in schema.h
  std::int64_t highest = 0;  ///< receipt
  std::int64_t settled = 0;  ///< requests that were settled, and operations that left
  bool operator==(const OutboxMark&) const = default;

  /// Whether this mark is further than the outbox that is `here`, so that one is an older copy. (An
  /// outbox that has begun a new epoch since is not older, whatever it has counted.)
  bool is_beyond(const OutboxMark& here) const {
    if (outbox != here.outbox || epoch < here.epoch) return false;
    return epoch > here.epoch || highest > here.highest || settled > here.settled;
  }
};

/// A mark beside the outbox, in `<outbox>.seen`, by which a start knows that the file went back in
/// time: a backup, a copy or a snapshot was put in its place. Where both went back together nobody
/// can tell.
///
/// It is behind the outbox, never ahead: written only of what is durable there, and so seldom that
/// it costs nothing; exact after a clean stop. So neither a power cut nor a crash looks like a file
/// that went back. It is one line with a checksum, written in place and synced; what is torn or
/// gone says nothing.
class SeenFile {
 public:
  explicit SeenFile(const std::string& outbox_path) : path_(outbox_path + ".seen") {}

  std::optional<OutboxMark> read() const;
  Result<void> write(const OutboxMark& mark) const;

 private:
  const std::string path_;
};

}  // namespace flowmyna
