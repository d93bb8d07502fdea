#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/encoded_operations.h"
#include "core/operation.h"

namespace flowmyna {

/// The time of acceptance, for an event that brings none of its own.
struct EventStamp {
  std::string_view timestamp;          ///< ISO 8601
  std::optional<BootStamp> boot = {};  ///< while the wall clock is not synchronised
};

/// Why a request is refused: the HTTP status and the JSON text of `detail`, in the API's shape.
struct Refusal {
  int status = 0;
  std::string detail;
};

/// An item of a batch that the API would refuse.
struct ItemError {
  std::size_t index = 0;
  std::string reason;
};

struct DecodedBatch {
  EncodedOperations accepted;
  std::vector<std::size_t> accepted_indexes;  ///< where each accepted item stood in the request
  std::vector<ItemError> errors;
};

/// Body to operations. Everything is validated, including what is skipped, and nothing passes
/// through a double: values are slices of the body (RFC 8259; the API's page for lengths and
/// required fields). Unknown fields are checked as JSON and otherwise ignored, as the API does.
///
/// When a member appears twice only the later one counts, its errors included, as in the API.
///
/// A body that is not JSON (or not UTF-8, or nests deeper than `kMaxDepth`) is refused with 400 and
/// the place of the error, one that does not fit the schema with 422 and each field's `loc`. A byte
/// order mark at its start is skipped, and not counted in the place.
///
/// A decoder keeps its buffers between calls: one a thread. `body` must be readable for `kPadding`
/// bytes past its end, whatever stands there.
class Decoder {
 public:
  static constexpr std::size_t kPadding = 64;
  /// How deep the value of a property may nest; a recursive reader at the far end must survive it.
  static constexpr int kMaxDepth = 100;
  /// Items a batch request may carry to the agent (the API's own limit of 100 is the planner's).
  static constexpr std::size_t kMaxBatchItems = 10'000;

  Decoder();
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// `now` stamps an event that has no timestamp of its own.
  tl::expected<EncodedOperations, Refusal> single(Kind kind, std::string_view body,
                                                  const EventStamp& now);
  /// `{"objects":[…]}` or `{"events":[…]}`; an invalid item is reported by its index and does not
  /// touch the others, a body that is not JSON is refused whole. An item that is JSON and cannot be
  /// stored, since it nests too deep or has half of a surrogate pair, is an invalid item.
  tl::expected<DecodedBatch, Refusal> batch(Kind kind, std::string_view body,
                                            const EventStamp& now);
  /// One item a line (application/x-ndjson); empty lines are skipped, and an index counts items.
  /// Each line is JSON of its own: a broken one is reported by its index like any invalid item.
  /// More than `kMaxBatchItems` are refused whole with 413.
  tl::expected<DecodedBatch, Refusal> ndjson(Kind kind, std::string_view body,
                                             const EventStamp& now);

 private:
  class Reader;
  void give_back(std::size_t body_bytes);
  std::unique_ptr<Reader> reader_;
};

/// Renders `{"detail": …}` with a plain text.
std::string detail_body(std::string_view text);

}  // namespace flowmyna
