#pragma once

#include <simdjson.h>

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/judge.h"
#include "core/requested_items.h"

namespace flowmyna {

/// Items of a request, by their places in it, counted from 0.
using ItemSet = std::set<std::size_t>;

/// The parts of the API's answer to a batch, where they do not contradict each other. The array
/// lives as long as the parser that read it.
struct BatchAnswer {
  std::size_t processed = 0;
  std::size_t failed = 0;
  std::optional<simdjson::dom::array> list;  ///< `objects` or `event_ids`: what succeeded, if given
  std::vector<std::string> errors;           ///< in words, none of them empty
  std::optional<ItemSet> missing;            ///< the upserts that failed, if `objects` tells
};

/// Reads an answer of status 200. It may lack or add members, but its counts must account for every
/// item and nothing in it may contradict the rest: otherwise an item that failed could be taken for
/// delivered. The error is what is wrong, as words to follow "HTTP 200".
tl::expected<BatchAnswer, std::string> read_batch_answer(const JudgedRequest& request,
                                                         simdjson::dom::object answer);

/// One of `errors`: `index N: reason`, or words that name no position.
struct NamedError {
  std::optional<std::size_t> index;
  std::string_view reason;
};
NamedError split_item_error(std::string_view error);

/// The object of one entry of `objects`; nothing when it does not name one.
std::optional<ObjectName> object_name(simdjson::dom::element entry);

}  // namespace flowmyna
