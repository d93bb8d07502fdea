#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/http/message.h"
#include "core/result.h"

namespace flowmyna {

/// Helpers that the answers of all routes share.

HttpResponse json(int status, std::string body);

/// `{"detail": text}`, the API's shape.
HttpResponse problem(int status, std::string_view text);

/// 507 with Retry-After when the outbox is full, 413 when it never has room for so much, else 503.
HttpResponse failed(const Error& error);
/// The same for actions that take several requests, or that somebody else may be doing: 409 for
/// kInvalid, when a person has to begin anew; Retry-After for kBusy, when another try is worth it.
HttpResponse not_now(const Error& error);

/// For callbacks, which have to be copyable.
using SharedResponder = std::shared_ptr<Responder>;
inline SharedResponder share(Responder responder) {
  return std::make_shared<Responder>(std::move(responder));
}

/// The segment `index` (from 0) of a path that has so many.
std::string segment_of(std::string_view path, std::size_t index);

/// The number that is the path's segment `index` (from 0), or nothing when that is not a number
/// from 1 on.
std::optional<std::uint64_t> number_in(std::string_view path, std::size_t index);

/// A parameter of a query that has to be a number from `min` to `max`; kInvalid names it.
Result<std::uint64_t> number_parameter(const std::string& name, std::string_view value,
                                       std::uint64_t min, std::uint64_t max);

}  // namespace flowmyna
