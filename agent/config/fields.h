#pragma once

#include <toml++/toml.h>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"

namespace flowmyna {

/// One value in the file and how to speak of it.
struct ConfigEntry {
  std::string name;   ///< "api.url"
  std::string place;  ///< "agent.toml:3"
  const toml::node& node;
  const std::filesystem::path& directory;  ///< of the file: relative paths start here
  const Environment& environment;

  std::string label() const { return "'" + name + "' at " + place; }
  tl::unexpected<Error> wrong(const std::string& what) const {
    return fail(Error::Kind::kInvalid, label() + what);
  }
};

/// A value both ways: what `show` gives, `read` takes for the same value.
struct ConfigValue {
  /// Reads an entry into a configuration.
  std::function<Result<void>(const ConfigEntry&, Config&)> read;
  /// The value in effect as TOML; of a secret in it, a mask.
  std::function<std::string(const Config&)> show;
};

struct ConfigField {
  std::string_view section;
  std::string_view key;
  ConfigValue value;
};

/// The schema: every key there is, in the order of the documentation, grouped by section. Reading
/// the file, finding misspelt keys and describing what is in effect all use it.
const std::vector<ConfigField>& config_fields();

}  // namespace flowmyna
