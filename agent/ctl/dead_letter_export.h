#pragma once

#include <string>

#include "agent/ctl/session.h"

namespace flowmyna::ctl {

/// Writes every dead letter into a file, one a line (NDJSON) as GET /agent/v1/dead-letters/N gives
/// it, and says how many. The file appears whole or not at all: it is written beside its place,
/// synced and renamed. An existing one is left alone unless `force` is given. The exit code.
int export_dead_letters(const Session& session, const std::string& file, bool force);

}  // namespace flowmyna::ctl
