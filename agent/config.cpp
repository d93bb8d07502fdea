#include "agent/config.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "agent/config_file.h"

namespace flowmyna {
namespace {

/// A key is 40 bytes; what is much larger is another file, given by mistake.
constexpr std::size_t kKeyFileMaxBytes = 4096;

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

Result<void> find_key(const Environment& environment, Config& config) {
  config.api.key = Secret(environment.get(kKeyVariable));
  if (!config.api.key.empty()) return check_key_shape(config.api.key, kKeyVariable);
  if (config.api.key_file.empty()) return {};
  return load_key_file(config.api.key_file, config.warnings).map([&](Secret key) {
    config.api.key = std::move(key);
  });
}

Result<void> check_ca_file(const Config& config) {
  if (config.api.ca_file.empty() || access(config.api.ca_file.c_str(), R_OK) == 0) return {};
  const int error = errno;
  return fail(Error::Kind::kInvalid, "cannot read api.ca_file " + config.api.ca_file.string() +
                                         ": " + std::generic_category().message(error) +
                                         "; correct the path or remove it to use the system's "
                                         "certificates");
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
  if (done) done = find_key(environment, config);
  if (done) done = check_ca_file(config);
  if (done) done = fill_in_paths(environment, config);
  if (!done) return tl::make_unexpected(done.error());
  return config;
}

std::filesystem::path default_state_directory(const Environment& environment) {
  if (environment.euid == 0) return "/var/lib/flowmyna-agent";
  const std::filesystem::path state = environment.get("XDG_STATE_HOME");
  if (state.is_absolute()) return state / "flowmyna-agent";  // relative ones are to be ignored
  const std::filesystem::path home = environment.get("HOME");
  return home.empty() ? home : home / ".local/state/flowmyna-agent";
}

std::filesystem::path default_socket_path(const Environment& environment) {
  if (environment.euid == 0) return "/run/flowmyna-agent/agent.sock";
  const std::filesystem::path runtime = environment.get("XDG_RUNTIME_DIR");
  if (runtime.is_absolute()) return runtime / "flowmyna-agent/agent.sock";
  const std::filesystem::path state = default_state_directory(environment);
  return state.empty() ? state : state / "agent.sock";
}

Result<Secret> read_key_file(const std::filesystem::path& path,
                             std::vector<std::string>& warnings) {
  // Not a stream: its buffer would keep a copy of the key.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text(kKeyFileMaxBytes + 1, '\0');
  const ssize_t size = fd < 0 ? -1 : read(fd, text.data(), text.size());
  const int error = errno;
  struct stat info {};
  const bool is_readable_by_others =
      fd >= 0 && fstat(fd, &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)) != 0;
  if (fd >= 0) close(fd);
  if (size < 0) {
    return fail(Error::Kind::kInvalid, "cannot read the key file " + path.string() + ": " +
                                           std::generic_category().message(error) +
                                           "; correct api.key_file or let uid " +
                                           std::to_string(geteuid()) + " read it");
  }
  text.resize(static_cast<std::size_t>(size));
  if (text.size() > kKeyFileMaxBytes) {
    explicit_bzero(text.data(), text.size());
    return fail(Error::Kind::kInvalid, "the key file " + path.string() + " is larger than " +
                                           std::to_string(kKeyFileMaxBytes) +
                                           " bytes: api.key_file must lead to a file with nothing "
                                           "but the key");
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.pop_back();
  if (is_readable_by_others) {
    warnings.push_back("the key file " + path.string() + " can be read by other users: chmod 600 " +
                       path.string());
  }
  return Secret(std::move(text));
}

Result<Secret> load_key_file(const std::filesystem::path& path,
                             std::vector<std::string>& warnings) {
  return read_key_file(path, warnings).and_then([&](Secret key) -> Result<Secret> {
    auto checked = check_key_shape(key, "api.key_file (" + path.string() + ")");
    if (!checked) return tl::make_unexpected(checked.error());
    return key;
  });
}

Result<void> check_key_shape(const Secret& key, const std::string& source) {
  constexpr std::string_view kPrefix = "fm_live_";
  constexpr std::size_t kKeyBytes = 40;  // the vendor's page on authentication
  constexpr const char* kShape =
      "; a key is 40 characters: \"fm_live_\" and 32 letters, digits, '-' or '_'";
  const std::string_view text = key.reveal();
  const auto wrong = [&](const std::string& what) {
    return fail(Error::Kind::kInvalid, "the API key from " + source + " " + what + kShape);
  };
  if (text.empty()) return wrong("is empty");
  if (!text.starts_with(kPrefix)) return wrong("does not begin with \"fm_live_\"");
  if (text.size() != kKeyBytes) return wrong("has " + std::to_string(text.size()) + " characters");
  const bool url_safe = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (!url_safe) return wrong("contains a character that no key has");
  return {};
}

}  // namespace flowmyna
