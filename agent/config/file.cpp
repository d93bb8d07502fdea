#include "agent/config/file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "agent/config/fields.h"
#include "agent/config/loopback.h"
#include "agent/config/units.h"

namespace flowmyna {
namespace {

std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

/// A known name that continues the given one comes first ("key": key_file), then the one that
/// takes the fewest edits.
std::string_view nearest(std::string_view name, const std::vector<std::string_view>& known) {
  for (const std::string_view candidate : known) {
    if (candidate.starts_with(name)) return candidate;
  }
  return *std::min_element(known.begin(), known.end(), [&](auto left, auto right) {
    return edit_distance(name, left) < edit_distance(name, right);
  });
}

/// Sections, or the keys of one section.
std::vector<std::string_view> known_names(std::string_view section) {
  std::vector<std::string_view> names;
  for (const ConfigField& field : config_fields()) {
    if (!section.empty() && field.section == section) names.push_back(field.key);
    if (section.empty() && (names.empty() || names.back() != field.section)) {
      names.push_back(field.section);
    }
  }
  return names;
}

std::string suggestion(std::string_view section, std::string_view key) {
  for (const ConfigField& field : config_fields()) {
    if (field.key == key) return "[" + std::string(field.section) + "] " + std::string(key);
  }
  return std::string(nearest(key, known_names(section)));
}

class Reader {
 public:
  Reader(const std::filesystem::path& file, const Environment& environment, Config& config)
      : file_(file.string()),
        directory_(std::filesystem::absolute(file).parent_path()),
        environment_(environment),
        config_(config) {}

  Result<void> read(const toml::table& root) {
    for (const auto& [name, node] : root) {
      if (auto done = read_section(name.str(), node); !done) return done;
    }
    return check_relations(root);
  }

 private:
  std::string place(const toml::node& node) const {
    return file_ + ":" + std::to_string(node.source().begin.line);
  }

  Result<void> read_section(std::string_view section, const toml::node& node) {
    const auto sections = known_names("");
    const bool known = std::find(sections.begin(), sections.end(), section) != sections.end();
    if (!node.is_table()) {
      return fail(Error::Kind::kInvalid,
                  "unknown key '" + std::string(section) + "' at " + place(node) +
                      "; did you mean '" + suggestion(nearest(section, sections), section) + "'?");
    }
    if (!known) {
      return fail(Error::Kind::kInvalid, "unknown section '[" + std::string(section) + "]' at " +
                                             place(node) + "; did you mean '[" +
                                             std::string(nearest(section, sections)) + "]'?");
    }
    for (const auto& [key, value] : *node.as_table()) {
      if (auto done = read_field(section, key.str(), value); !done) return done;
    }
    return {};
  }

  Result<void> read_field(std::string_view section, std::string_view key, const toml::node& node) {
    const std::string name = std::string(section) + "." + std::string(key);
    for (const ConfigField& field : config_fields()) {
      if (field.section != section || field.key != key) continue;
      return field.value.read(ConfigEntry{name, place(node), node, directory_, environment_},
                              config_);
    }
    return fail(Error::Kind::kInvalid, "unknown key '" + name + "' at " + place(node) +
                                           "; did you mean '" + suggestion(section, key) + "'?");
  }

  Result<void> check_relations(const toml::table& root) {
    if (const auto url = root["api"]["url"]) {
      auto checked = check_url(config_.api.url, "'api.url' at " + place(*url.node()),
                               config_.api.allow_insecure);
      if (!checked) return tl::make_unexpected(checked.error());
      config_.api.url = std::move(*checked);
    }
    if (config_.delivery.retry_max < config_.delivery.retry_initial) {
      const auto key = root["delivery"]["retry_max"] ? "retry_max" : "retry_initial";
      return fail(Error::Kind::kInvalid,
                  "'delivery." + std::string(key) + "' at " + place(*root["delivery"][key].node()) +
                      ": retry_max (\"" + format_duration(config_.delivery.retry_max) +
                      "\") must not be less than retry_initial (\"" +
                      format_duration(config_.delivery.retry_initial) + "\")");
    }
    return {};
  }

  std::string file_;
  std::filesystem::path directory_;
  const Environment& environment_;
  Config& config_;
};

}  // namespace

Result<void> read_config_file(const std::filesystem::path& path, const Environment& environment,
                              Config& config) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const int error = errno;
  // Opening a directory succeeds; only reading it does not.
  const bool is_directory = std::filesystem::is_directory(path);
  if (!file.is_open() || is_directory) {
    return fail(Error::Kind::kInvalid,
                "cannot read the configuration " + path.string() + ": " +
                    std::generic_category().message(is_directory ? EISDIR : error) +
                    "; check the path given with --config");
  }
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  // toml++ reports through exceptions; they end here.
  try {
    return Reader(path, environment, config).read(toml::parse(content, path.string()));
  } catch (const toml::parse_error& broken) {
    return fail(Error::Kind::kInvalid, "the configuration is not valid TOML at " + path.string() +
                                           ":" + std::to_string(broken.source().begin.line) + ": " +
                                           std::string(broken.description()) +
                                           "; strings need quotes, as in \"30s\"");
  }
}

Result<std::string> check_url(std::string url, const std::string& source, bool allow_insecure) {
  while (url.ends_with('/')) url.pop_back();
  const auto wrong = [&](const std::string& what) {
    return fail(Error::Kind::kInvalid, source + " " + what);
  };
  const bool https = url.starts_with("https://");
  if (!https && !url.starts_with("http://")) {
    return wrong(
        "must be a URL that begins with https://, like "
        "\"https://api.flowmyna.com/api/public/v1\"");
  }
  const std::string_view rest = std::string_view(url).substr(https ? 8 : 7);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.find('@') != authority.npos) {
    return wrong("must not contain a user or password; the key goes into api.key_file");
  }
  if (url.find_first_of("?# \t\r\n") != url.npos) {
    return wrong("must be a base URL without white space, '?' or '#'");
  }
  const std::string host(split_host_and_port(authority).host);
  if (host.empty())
    return wrong("has no host; write it like \"https://api.flowmyna.com/api/public/v1\"");
  if (!https && !allow_insecure && !is_loopback_host(host)) {
    return wrong(
        "would send the API key unencrypted to '" + host +
        "': use https://, or set allow_insecure = true in [api] if that network is trusted");
  }
  return url;
}

}  // namespace flowmyna
