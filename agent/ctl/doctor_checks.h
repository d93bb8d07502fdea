#pragma once

#include <string>
#include <vector>

#include "agent/ctl/delivery_words.h"
#include "flowmyna/client.h"

namespace flowmyna::ctl {

/// One line of the doctor: what was looked at, what was found, what can be done about it.
struct Check {
  Level level = Level::kOk;
  std::string subject;
  std::string finding;
  std::string hint{};
};

/// `ok    socket       /run/…` and, where something is wrong, the hint on a line of its own.
std::string check_view(const Check& check);

/// Pure judgements of what the agent says.
Check check_state(const client::Status& status);
/// One for each endpoint that is worse off than delivery as a whole.
std::vector<Check> check_endpoints(const client::Status& status);
Check check_stuck(const client::Status& status);
Check check_outbox(const client::Status& status);
Check check_dead_letters(const client::Status& status);
Check check_version(const client::Status& status, const std::string& own_version);
/// `health` is the answer of GET /api/public/v1/health.
Check check_api(const client::Response& health);

/// Looks at this machine.
Check check_socket(const std::string& path);
Check check_permission(const std::string& path);
Check check_clock();
Check check_disk(const std::string& directory);

}  // namespace flowmyna::ctl
