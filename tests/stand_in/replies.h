#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stand_in/body.h"
#include "stand_in/exchange.h"
#include "stand_in/world.h"

namespace flowmyna::stand_in {

// The bodies of the API's answers, as its pages show them.

/// `{"detail": "text"}`
Reply plain_error(unsigned status, std::string_view detail);
/// 422 with the list that validate() gives.
Reply schema_error(std::string_view problems);
Reply health_answer();

Reply upsert_answer(const Item& item, const UpsertResult& result);
Reply event_answer(const Item& item, std::uint64_t number, std::string_view timestamp);

/// `applied`: the items that succeeded, in the order of the request; `errors`: one for each other.
Reply upsert_batch_answer(const Body& body, std::span<const std::uint32_t> applied,
                          std::span<const UpsertResult> results,
                          std::span<const std::string> errors);
Reply event_batch_answer(std::span<const std::uint32_t> applied,
                         std::span<const std::uint64_t> numbers,
                         std::span<const std::string> errors);

/// Turns a good reply into what `rule`, which decides on it, prescribes. `now` is the server's.
void spoil(const FaultRule& rule, std::chrono::system_clock::time_point now, Reply& reply);

}  // namespace flowmyna::stand_in
