#include "agent/config_file.h"

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "agent/loopback.h"
#include "agent/units.h"

namespace flowmyna {
namespace {

using namespace std::chrono_literals;

/// One value in the file and how to speak of it.
struct Entry {
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

/// Reads an entry into a configuration.
using Read = std::function<Result<void>(const Entry&, Config&)>;

struct Field {
  std::string_view section;
  std::string_view key;
  Read read;
};

const char* type_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a fraction";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::table:
      return "a section";
    default:
      return "a date or time";
  }
}

Result<std::string> text_of(const Entry& entry, const char* wanted) {
  if (const auto* text = entry.node.as_string()) return text->get();
  return entry.wrong(std::string(" must be ") + wanted + ", not " + type_of(entry.node));
}

// ---- one reader for each kind of value; `slot` names the field of Config ----

template <class Slot>
Read text(Slot slot) {
  return [slot](const Entry& entry, Config& config) -> Result<void> {
    return text_of(entry, "a string in quotes").map([&](std::string value) {
      slot(config) = std::move(value);
    });
  };
}

template <class Slot>
Read path(Slot slot) {
  return [slot](const Entry& entry, Config& config) -> Result<void> {
    return text_of(entry, "a path in quotes").map([&](const std::string& value) {
      slot(config) = value.empty() ? std::filesystem::path() : entry.directory / value;
    });
  };
}

template <class Slot>
Read boolean(Slot slot) {
  return [slot](const Entry& entry, Config& config) -> Result<void> {
    const auto* value = entry.node.as_boolean();
    if (value == nullptr) {
      return entry.wrong(std::string(" must be true or false, not ") + type_of(entry.node));
    }
    slot(config) = value->get();
    return {};
  };
}

template <class Slot>
Read number(Slot slot, unsigned min, unsigned max) {
  return [=](const Entry& entry, Config& config) -> Result<void> {
    const auto* value = entry.node.as_integer();
    if (value == nullptr) {
      return entry.wrong(std::string(" must be a whole number, not ") + type_of(entry.node));
    }
    if (value->get() < min || value->get() > max) {
      return entry.wrong(" must be from " + std::to_string(min) + " to " + std::to_string(max) +
                         ", not " + std::to_string(value->get()));
    }
    slot(config) = static_cast<unsigned>(value->get());
    return {};
  };
}

template <class Slot>
Read duration(Slot slot, std::chrono::milliseconds min, std::chrono::milliseconds max) {
  return [=](const Entry& entry, Config& config) -> Result<void> {
    const auto written = text_of(entry, "a duration in quotes, like \"30s\"");
    if (!written) return tl::make_unexpected(written.error());
    const auto value = parse_duration(*written);
    if (!value) return entry.wrong(": " + value.error().message);
    if (*value < min || *value > max) {
      return entry.wrong(" must be from \"" + format_duration(min) + "\" to \"" +
                         format_duration(max) + "\", not \"" + *written + "\"");
    }
    slot(config) = *value;
    return {};
  };
}

template <class Slot>
Read size(Slot slot, std::uint64_t min_bytes, std::uint64_t max_bytes) {
  return [=](const Entry& entry, Config& config) -> Result<void> {
    const auto written = text_of(entry, "a size in quotes, like \"64MiB\"");
    if (!written) return tl::make_unexpected(written.error());
    const auto value_bytes = parse_size_bytes(*written);
    if (!value_bytes) return entry.wrong(": " + value_bytes.error().message);
    if (*value_bytes < min_bytes || *value_bytes > max_bytes) {
      return entry.wrong(" must be from \"" + format_size(min_bytes) + "\" to \"" +
                         format_size(max_bytes) + "\", not \"" + *written + "\"");
    }
    slot(config) = *value_bytes;
    return {};
  };
}

template <class Slot, class Value, std::size_t N>
Read choice(Slot slot, const std::array<std::pair<std::string_view, Value>, N>& choices) {
  return [=](const Entry& entry, Config& config) -> Result<void> {
    std::string wanted;
    for (const auto& [name, value] : choices) {
      const bool last = name == choices.back().first;
      wanted += (wanted.empty() ? "" : last ? " or " : ", ") + ("\"" + std::string(name) + "\"");
    }
    const auto written = text_of(entry, wanted.c_str());
    if (!written) return tl::make_unexpected(written.error());
    for (const auto& [name, value] : choices) {
      if (name != *written) continue;
      slot(config) = value;
      return {};
    }
    return entry.wrong(" must be " + wanted + ", not \"" + *written + "\"");
  };
}

/// "0660" or 0o660. A decimal 660 would be 01224: out of range, and told so.
Result<void> read_socket_mode(const Entry& entry, Config& config) {
  constexpr mode_t kModeMax = 0777;
  std::int64_t mode = -1;
  if (const auto* number = entry.node.as_integer()) {
    mode = number->get();
  } else if (const auto* written = entry.node.as_string()) {
    const std::string& digits = written->get();
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
    if (error != std::errc{} || end != digits.data() + digits.size()) mode = -1;
  }
  if (mode < 0 || mode > kModeMax) {
    return entry.wrong(" must be the permissions in octal, like \"0660\"");
  }
  config.listen.socket_mode = static_cast<mode_t>(mode);
  return {};
}

Result<void> read_allow_users(const Entry& entry, Config& config) {
  constexpr const char* kWanted = " must be a list of user names or ids, like [\"shop\", 1001]";
  const auto* list = entry.node.as_array();
  if (list == nullptr) return entry.wrong(kWanted);
  config.listen.allow_users.clear();
  for (const toml::node& user : *list) {
    if (const auto* id = user.as_integer()) {
      // The highest one means "none" to chown(2) and its relatives.
      if (id->get() < 0 || id->get() >= std::numeric_limits<uid_t>::max())
        return entry.wrong(kWanted);
      config.listen.allow_users.push_back(static_cast<uid_t>(id->get()));
      continue;
    }
    const auto* name = user.as_string();
    if (name == nullptr) return entry.wrong(kWanted);
    const auto found = entry.environment.find_user ? entry.environment.find_user(name->get())
                                                   : std::optional<uid_t>{};
    if (!found) {
      return entry.wrong(" names the user '" + name->get() +
                         "', who does not exist here: create the user or remove the name");
    }
    config.listen.allow_users.push_back(*found);
  }
  return {};
}

Result<void> read_latest_types(const Entry& entry, Config& config) {
  constexpr const char* kWanted = " must be a list of object types, like [\"Customer\"]";
  const auto* list = entry.node.as_array();
  if (list == nullptr) return entry.wrong(kWanted);
  config.delivery.latest_types.clear();
  for (const toml::node& type : *list) {
    const auto* name = type.as_string();
    if (name == nullptr || name->get().empty()) return entry.wrong(kWanted);
    config.delivery.latest_types.push_back(name->get());
  }
  return {};
}

Result<void> read_url(const Entry& entry, Config& config) {
  auto written = text_of(entry, "a URL in quotes");
  if (!written) return tl::make_unexpected(written.error());
  config.api.url = std::move(*written);  // checked once allow_insecure is known
  return {};
}

const std::vector<Field>& fields() {
  constexpr std::array kDurabilities = {
      std::pair{std::string_view("full"), Durability::kFull},
      std::pair{std::string_view("relaxed"), Durability::kRelaxed}};
  constexpr std::array kOnUnknown = {std::pair{std::string_view("resend"), OnUnknown::kResend},
                                     std::pair{std::string_view("hold"), OnUnknown::kHold}};
  constexpr std::array kFormats = {std::pair{std::string_view("text"), LogFormat::kText},
                                   std::pair{std::string_view("json"), LogFormat::kJson}};
  constexpr std::array kLevels = {std::pair{std::string_view("trace"), "trace"},
                                  std::pair{std::string_view("debug"), "debug"},
                                  std::pair{std::string_view("info"), "info"},
                                  std::pair{std::string_view("warn"), "warn"},
                                  std::pair{std::string_view("error"), "error"},
                                  std::pair{std::string_view("critical"), "critical"},
                                  std::pair{std::string_view("off"), "off"}};
  // The ranges keep out what cannot work or is a slip of the unit; they are no tuning advice.
  static const std::vector<Field> kFields = {
      {"api", "url", read_url},
      {"api", "key_file", path([](Config & c) -> auto& { return c.api.key_file; })},
      {"api", "connect_timeout",
       duration(
           [](Config & c) -> auto& { return c.api.connect_timeout; }, 10ms, 5min)},
      {"api", "request_timeout",
       duration(
           [](Config & c) -> auto& { return c.api.request_timeout; }, 10ms, 1h)},
      {"api", "max_in_flight",
       number(
           [](Config & c) -> auto& { return c.api.max_in_flight; }, 1, 50)},
      {"api", "max_requests_per_minute",
       number(
           [](Config & c) -> auto& { return c.api.max_requests_per_minute; }, 0, 1'000'000)},
      {"api", "ca_file", path([](Config & c) -> auto& { return c.api.ca_file; })},
      {"api", "proxy", text([](Config & c) -> auto& { return c.api.proxy; })},
      {"api", "allow_insecure", boolean([](Config & c) -> auto& { return c.api.allow_insecure; })},
      {"listen", "socket", path([](Config & c) -> auto& { return c.listen.socket; })},
      {"listen", "socket_mode", read_socket_mode},
      {"listen", "socket_group", text([](Config & c) -> auto& { return c.listen.socket_group; })},
      {"listen", "tcp", text([](Config & c) -> auto& { return c.listen.tcp; })},
      {"listen", "max_body",
       size(
           [](Config & c) -> auto& { return c.listen.max_body_bytes; }, 1ULL << 10U, 1ULL << 30U)},
      {"listen", "max_connections",
       number(
           [](Config & c) -> auto& { return c.listen.max_connections; }, 1, 65535)},
      {"listen", "allow_users", read_allow_users},
      {"outbox", "path", path([](Config & c) -> auto& { return c.outbox.path; })},
      {"outbox", "max_size",
       size(
           [](Config & c) -> auto& { return c.outbox.max_size_bytes; }, 1ULL << 20U, 1ULL << 50U)},
      {"outbox", "durability",
       choice(
           [](Config & c) -> auto& { return c.outbox.durability; }, kDurabilities)},
      {"delivery", "linger",
       duration(
           [](Config & c) -> auto& { return c.delivery.linger; }, 0ms, 1h)},
      {"delivery", "batch_items",
       number(
           [](Config & c) -> auto& { return c.delivery.batch_items; }, 1, 100)},
      {"delivery", "batch_bytes",
       size(
           [](Config & c) -> auto& { return c.delivery.batch_bytes; }, 1ULL << 10U, 64ULL << 20U)},
      {"delivery", "latest_types", read_latest_types},
      {"delivery", "on_unknown",
       choice(
           [](Config & c) -> auto& { return c.delivery.on_unknown; }, kOnUnknown)},
      {"delivery", "retry_initial",
       duration(
           [](Config & c) -> auto& { return c.delivery.retry_initial; }, 10ms, 1h)},
      {"delivery", "retry_max",
       duration(
           [](Config & c) -> auto& { return c.delivery.retry_max; }, 10ms, 24h)},
      {"log", "level",
       choice(
           [](Config & c) -> auto& { return c.log.level; }, kLevels)},
      {"log", "format",
       choice(
           [](Config & c) -> auto& { return c.log.format; }, kFormats)},
  };
  return kFields;
}

// ---- names that do not exist ----

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
  for (const Field& field : fields()) {
    if (!section.empty() && field.section == section) names.push_back(field.key);
    if (section.empty() && (names.empty() || names.back() != field.section)) {
      names.push_back(field.section);
    }
  }
  return names;
}

std::string suggestion(std::string_view section, std::string_view key) {
  for (const Field& field : fields()) {
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
    for (const Field& field : fields()) {
      if (field.section != section || field.key != key) continue;
      return field.read(Entry{name, place(node), node, directory_, environment_}, config_);
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
    return fail(Error::Kind::kInvalid, "the configuration is no valid TOML at " + path.string() +
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
