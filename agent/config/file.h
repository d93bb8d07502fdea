#pragma once

#include <filesystem>
#include <string>

#include "agent/config/config.h"

namespace flowmyna {

/// Reads a TOML file over the values in `config`. Checks each value by itself; what concerns
/// several of them, or files beyond this one, is load_config's concern.
Result<void> read_config_file(const std::filesystem::path& path, const Environment& environment,
                              Config& config);

/// Accepts a URL that can be the API's base, without the slash at its end. `source` begins the
/// message: "api.url at agent.toml:3" or "FLOWMYNA_API_URL".
Result<std::string> check_url(std::string url, const std::string& source, bool allow_insecure);

}  // namespace flowmyna
