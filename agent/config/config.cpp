#include "agent/config/config.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "agent/config/file.h"
#include "agent/config/read_only_file.h"
#include "core/places.h"

namespace flowmyna {
namespace {

constexpr const char* kKeyVariable = "FLOWMYNA_API_KEY";

std::optional<uid_t> find_user_by_name(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  return found->pw_uid;
}

Result<void> apply_url_variable(const Environment& environment, Config& config) {
  const std::string url = environment.get("FLOWMYNA_API_URL");
  if (url.empty()) return {};
  return check_url(url, "FLOWMYNA_API_URL", config.api.allow_insecure)
      .map([&](std::string checked) { config.api.url = std::move(checked); });
}

Result<Secret> read_key(const Environment& environment, Config& config) {
  const Secret given(environment.get(kKeyVariable));
  if (!given.empty()) {
    return check_key_shape(given, kKeyVariable).map([&] { return given; });
  }
  if (config.api.key_file.empty()) return given;
  return load_key_file(config.api.key_file, config.warnings);
}

void find_key(const Environment& environment, Config& config) {
  auto key = read_key(environment, config);
  if (key) {
    config.api.key = *std::move(key);
  } else {
    config.api.key_problem = key.error().message;
  }
}

/// Only whether it can be read, and is not empty, is checked here: libcurl reads it for each new
/// connection, and then says whether it holds certificates.
void check_ca_file(Config& config) {
  if (config.api.ca_file.empty()) return;
  char byte = 0;
  const ReadOnlyFile file(config.api.ca_file);
  const ssize_t size = file.read(&byte, 1);
  if (size > 0) return;
  const std::string name = "api.ca_file " + config.api.ca_file.string();
  config.warnings.push_back((size == 0
                                 ? name + " is empty"
                                 : "cannot read " + name + ": " +
                                       std::generic_category().message(static_cast<int>(-size))) +
                            "; until it holds certificates, nothing is delivered over https");
}

Result<void> fill_in_paths(const Environment& environment, Config& config) {
  if (config.listen.socket.empty()) config.listen.socket = default_socket_path(environment);
  if (config.outbox.path.empty()) config.outbox.path = default_state_directory(environment);
  if (!config.listen.socket.empty() && !config.outbox.path.empty()) return {};
  return fail(Error::Kind::kInvalid,
              "neither HOME nor XDG_STATE_HOME is set: set one of them, or set outbox.path and "
              "listen.socket in the configuration");
}

}  // namespace

Environment Environment::take_from_process() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == text.npos) continue;
    const std::string_view name = text.substr(0, equals);
    environment.variables.emplace(name, text.substr(equals + 1));
    if (name == kKeyVariable) explicit_bzero(*entry + equals + 1, text.size() - equals - 1);
  }
  unsetenv(kKeyVariable);
  environment.euid = geteuid();
  environment.find_user = &find_user_by_name;
  return environment;
}

std::string Environment::get(const std::string& name) const {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

Result<Config> load_config(const std::optional<std::filesystem::path>& file,
                           const Environment& environment) {
  Config config;
  Result<void> done;
  if (file) done = read_config_file(*file, environment, config);
  if (done) done = apply_url_variable(environment, config);
  if (done) done = fill_in_paths(environment, config);
  if (!done) return tl::make_unexpected(done.error());
  find_key(environment, config);
  check_ca_file(config);
  return config;
}

std::filesystem::path default_state_directory(const Environment& environment) {
  return default_state_place(environment.euid == 0,
                             [&](const char* name) { return environment.get(name); });
}

std::filesystem::path default_socket_path(const Environment& environment) {
  return default_socket_place(environment.euid == 0,
                              [&](const char* name) { return environment.get(name); });
}

}  // namespace flowmyna
