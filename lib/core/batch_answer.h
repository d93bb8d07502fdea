#pragma once

#include <simdjson.h>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/operation.h"

namespace flowmyna {

/// The parts of the API's answer to a batch. The arrays live as long as the parser that read them.
struct BatchAnswer {
  std::uint64_t processed = 0;
  std::uint64_t failed = 0;
  simdjson::dom::array list;    ///< `objects` or `event_ids`: what succeeded, `processed` of them
  simdjson::dom::array errors;  ///< strings
};

/// Nothing when `root` does not have the API's shape, or does not account for all `items`.
std::optional<BatchAnswer> read_batch_answer(Kind kind, simdjson::dom::element root,
                                             std::size_t items);

/// One of `errors`: `index I: reason`, or words that name no item.
struct NamedError {
  std::optional<std::size_t> index;
  std::string_view reason;
};
NamedError split_item_error(std::string_view error);

/// An object as people write it: type and id, unescaped.
using ObjectName = std::pair<std::string, std::string>;

/// The object of one entry of `objects`; nothing when it does not name one.
std::optional<ObjectName> object_name(simdjson::dom::element entry);

/// The objects of a request to the upsert endpoint, item by item; nothing when it is none. The
/// request is ours, so its own decoder reads it back; a second copy of all keys beside every body,
/// for what is needed this rarely, would cost more.
std::optional<std::vector<ObjectName>> requested_objects(const std::string& request_body);

}  // namespace flowmyna
