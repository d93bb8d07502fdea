#include <string_view>

#include "agent/config/config.h"
#include "agent/config/fields.h"

namespace flowmyna {
namespace {

std::string state_of_key(const ApiConfig& api) {
  if (!api.key.empty()) return "set";
  return api.key_problem.empty() ? "not set" : "not set: " + api.key_problem;
}

}  // namespace

std::string describe(const Config& config) {
  std::string out;
  std::string_view section;
  for (const ConfigField& field : config_fields()) {
    if (field.section != section) {
      out += (section.empty() ? "[" : "\n[") + std::string(field.section) + "]\n";
      section = field.section;
    }
    // The key is none of the fields, and belongs to the file that it may come from.
    if (field.section == "api" && field.key == "key_file") {
      out += "# the API key is " + state_of_key(config.api) + "\n";
    }
    out += std::string(field.key) + " = " + field.value.show(config) + "\n";
  }
  return out;
}

}  // namespace flowmyna
