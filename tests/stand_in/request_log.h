#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace flowmyna::stand_in {

/// One request to the API, as it ended.
struct LogEntry {
  std::uint64_t number = 0;  ///< from 1, in the order in which requests were decided
  std::chrono::system_clock::time_point time;
  std::string method;
  std::string path;
  std::string content_type;
  std::string idempotency_key;
  unsigned status = 0;        ///< 0: the connection was cut, or left hanging
  std::uint64_t items = 0;    ///< in the request
  std::uint64_t applied = 0;  ///< of them, those that changed the state
  std::uint64_t body_bytes = 0;
  std::uint64_t body_hash = 0;  ///< FNV-1a: equal for bodies that are equal byte for byte
  std::string fault;            ///< the rule that struck; empty: none
  std::string body;             ///< with --log-bodies
};

std::uint64_t hash_of(std::string_view body);

/// `2025-01-31T12:00:00.123Z`
std::string format_time(std::chrono::system_clock::time_point time);

/// The entry for a person, in one line without its number.
std::string line_of(const LogEntry& entry);

/// The last requests, at most so many; the older ones are counted and forgotten. Thread-safe.
class RequestLog {
 public:
  explicit RequestLog(std::size_t entries_max) : entries_max_(entries_max) {}

  /// Numbers and keeps the entry; gives the number.
  std::uint64_t add(LogEntry entry);
  void clear();

  std::uint64_t requests() const;
  /// Items applied in all requests.
  std::uint64_t items() const;

  /// JSON: the entries with a number above `since`, and how many were dropped in all.
  std::string show(std::uint64_t since) const;

 private:
  const std::size_t entries_max_;
  mutable std::mutex mutex_;
  std::deque<LogEntry> entries_;
  std::uint64_t body_bytes_ = 0;  ///< of the bodies kept
  std::uint64_t requests_ = 0;
  std::uint64_t items_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace flowmyna::stand_in
