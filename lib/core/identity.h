#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/answer.h"
#include "core/judge.h"

namespace flowmyna {

/// What the API calls something that it took.
struct Identity {
  std::string id;        ///< its UUID, as the API wrote it
  bool created = false;  ///< of an upsert: the object was new
  bool operator==(const Identity&) const = default;
};

/// The identities in the answer that led to `verdict` (kSettle), one per item of the request;
/// nothing for an item that failed, or that the answer does not tell of. Pure.
///
/// Objects are found by type and id. For events the vendor documents no order of `event_ids`, so
/// they are handed out in turn: the id is certain for a request of one event, and in any other the
/// ids are those of its events as a whole.
std::vector<std::optional<Identity>> read_identities(Kind kind, const std::string& request_body,
                                                     const Verdict& verdict, const Answer& answer);

}  // namespace flowmyna
