#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/operation.h"

namespace flowmyna {

/// One item of a request: the operations that it carries, oldest first.
using RequestItem = std::vector<const Operation*>;

/// The endpoint for batches of `kind`, below the API's base URL.
std::string_view batch_endpoint(Kind kind);

/// Appends the item as it stands in a batch: the operation, or the upserts composed into one.
void append_item(std::string& out, const RequestItem& item);

/// An upper bound of what an item, or one of its operations, adds to the body of a request: its
/// JSON and a comma.
std::size_t item_bytes_max(const RequestItem& item);
inline std::size_t item_bytes_max(const Operation& operation) {
  return operation.json_bytes_max() + 1;
}

/// What a request's body takes at most besides its items.
std::size_t body_frame_bytes();

/// The body of a batch request. The same items always give the same bytes, so a sealed request can
/// be built again after a crash: change nothing here without a new seal format.
std::string batch_body(Kind kind, std::span<const RequestItem> items);

}  // namespace flowmyna
