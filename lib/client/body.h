#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flowmyna/client.h"

namespace flowmyna::client {

/// Request bodies as the API defines them; optional fields that are empty are left out. kInvalid
/// for what has no JSON form, naming the field; lengths are judged by the agent.
Result<std::string> upsert_body(std::string_view type, std::string_view id,
                                const Properties& properties);
Result<std::string> event_body(std::string_view event, const std::vector<EventObject>& objects,
                               const EventDetails& details);
Result<std::string> upsert_batch_body(const std::vector<Upsert>& upserts);
Result<std::string> event_batch_body(const std::vector<Event>& events);

}  // namespace flowmyna::client
