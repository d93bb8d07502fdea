#pragma once

#include <istream>
#include <string>

#include "agent/ctl/session.h"

namespace flowmyna::ctl {

/// Takes the backlog in an export over, once: the agent remembers how far it came, so after any
/// interruption the same call goes on where it was. A file that is not whole imports nothing.
/// `name` is for messages; `again`: also what another export of the same device brought before.
/// The exit code.
int import_export(const Session& session, const std::string& name, std::istream& file, bool again);

}  // namespace flowmyna::ctl
