#pragma once

#include <cstdint>
#include <iterator>

namespace flowmyna {

/// Counts about one request, which are stored together with its settlement.
struct RequestCounters {
  std::uint64_t coalesced = 0;  ///< delivered operations that travelled inside another's item
  std::uint64_t requests = 0;   ///< how often it was sent
  std::uint64_t duplicates_possible = 0;  ///< events of it that may be recorded more than once

  void count(const RequestCounters& request) {
    coalesced += request.coalesced;
    requests += request.requests;
    duplicates_possible += request.duplicates_possible;
  }
  bool operator==(const RequestCounters&) const = default;
};

/// What an outbox counts over its whole life. (How many were accepted follows from the receipts.)
struct Counters : RequestCounters {
  std::uint64_t delivered = 0;
  std::uint64_t dead = 0;     ///< in the dead letters now
  std::uint64_t dropped = 0;  ///< given up by a person
  std::uint64_t lost = 0;     ///< could not be read any more when the outbox's file was damaged

  bool operator==(const Counters&) const = default;
};

/// The part of the status in which a counter stands.
enum class StatusPart : std::uint8_t {
  kDelivery,  ///< by its name, in the order of the list
  kOutbox,    ///< beside what belongs to it
};

struct CounterInfo {
  std::uint64_t Counters::*value;
  const char* name;  ///< of its column in the outbox file, in the status and within the metric's
  StatusPart part;
  const char* help;  ///< of its metric; null: it has none of its own, since it also goes down
};

/// Code that keeps or reports all counters walks this list, in its order. A new counter needs a
/// member above, a row here and, in the outbox file, a step of the schema.
inline constexpr CounterInfo kCounters[] = {
    {&Counters::delivered, "delivered", StatusPart::kDelivery,
     "Accepted operations that the API confirmed"},
    {&Counters::dropped, "dropped", StatusPart::kDelivery, "Operations that a person dropped"},
    {&Counters::lost, "lost", StatusPart::kOutbox,
     "Operations that could not be read any more in a damaged outbox"},
    {&Counters::coalesced, "coalesced", StatusPart::kDelivery,
     "Delivered operations that travelled inside a merged upsert"},
    {&Counters::requests, "requests", StatusPart::kDelivery,
     "Batches put on the wire, resends included"},
    {&Counters::duplicates_possible, "duplicates_possible", StatusPart::kDelivery,
     "Events that may be recorded more than once"},
    {&Counters::dead, "dead", StatusPart::kOutbox, nullptr},
};
static_assert(sizeof(Counters) == std::size(kCounters) * sizeof(std::uint64_t),
              "each counter is in the list");

}  // namespace flowmyna
