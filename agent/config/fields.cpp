#include "agent/config/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "agent/config/units.h"
#include "agent/config/value_text.h"

namespace flowmyna {
namespace {

using namespace std::chrono_literals;

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

Result<std::string> text_of(const ConfigEntry& entry, const char* wanted) {
  if (const auto* text = entry.node.as_string()) return text->get();
  return entry.wrong(std::string(" must be ") + wanted + ", not " + type_of(entry.node));
}

// ---- each kind of value; `slot` names the field of Config ----

template <class Slot>
ConfigValue text(Slot slot) {
  const auto read = [slot](const ConfigEntry& entry, Config& config) -> Result<void> {
    return text_of(entry, "a string in quotes").map([&](const std::string& value) {
      slot(config) = value;
    });
  };
  return {read, [slot](const Config& config) { return toml_string(slot(config)); }};
}

template <class Slot>
ConfigValue path(Slot slot) {
  const auto read = [slot](const ConfigEntry& entry, Config& config) -> Result<void> {
    return text_of(entry, "a path in quotes").map([&](const std::string& value) {
      slot(config) = value.empty() ? std::filesystem::path() : entry.directory / value;
    });
  };
  return {read, [slot](const Config& config) { return toml_string(slot(config).string()); }};
}

template <class Slot>
ConfigValue boolean(Slot slot) {
  const auto read = [slot](const ConfigEntry& entry, Config& config) -> Result<void> {
    const auto* value = entry.node.as_boolean();
    if (value == nullptr) {
      return entry.wrong(std::string(" must be true or false, not ") + type_of(entry.node));
    }
    slot(config) = value->get();
    return {};
  };
  return {read,
          [slot](const Config& config) { return std::string(slot(config) ? "true" : "false"); }};
}

template <class Slot>
ConfigValue number(Slot slot, unsigned min, unsigned max) {
  const auto read = [=](const ConfigEntry& entry, Config& config) -> Result<void> {
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
  return {read, [slot](const Config& config) { return std::to_string(slot(config)); }};
}

template <class Slot>
ConfigValue duration(Slot slot, std::chrono::milliseconds min, std::chrono::milliseconds max) {
  const auto read = [=](const ConfigEntry& entry, Config& config) -> Result<void> {
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
  return {read,
          [slot](const Config& config) { return toml_string(format_duration(slot(config))); }};
}

template <class Slot>
ConfigValue size(Slot slot, std::uint64_t min_bytes, std::uint64_t max_bytes) {
  const auto read = [=](const ConfigEntry& entry, Config& config) -> Result<void> {
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
  return {read, [slot](const Config& config) { return toml_string(format_size(slot(config))); }};
}

template <class Slot, class Value, std::size_t N>
ConfigValue choice(Slot slot, const std::array<std::pair<std::string_view, Value>, N>& choices) {
  const auto read = [=](const ConfigEntry& entry, Config& config) -> Result<void> {
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
  return {read, [=](const Config& config) {
            const auto found = std::ranges::find_if(
                choices, [&](const auto& named) { return slot(config) == named.second; });
            return toml_string(found == choices.end() ? std::string_view() : found->first);
          }};
}

/// "0660" or 0o660. A decimal 660 would be 01224: out of range, and told so.
Result<void> read_socket_mode(const ConfigEntry& entry, Config& config) {
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

std::string show_socket_mode(const Config& config) {
  return toml_mode(config.listen.socket_mode);
}

Result<void> read_allow_users(const ConfigEntry& entry, Config& config) {
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

std::string show_allow_users(const Config& config) {
  return toml_list(config.listen.allow_users, [](uid_t uid) { return std::to_string(uid); });
}

Result<void> read_latest_types(const ConfigEntry& entry, Config& config) {
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

std::string show_latest_types(const Config& config) {
  return toml_list(config.delivery.latest_types, toml_string);
}

Result<void> read_url(const ConfigEntry& entry, Config& config) {
  auto written = text_of(entry, "a URL in quotes");
  if (!written) return tl::make_unexpected(written.error());
  config.api.url = std::move(*written);  // checked once allow_insecure is known
  return {};
}

std::string show_url(const Config& config) {
  return toml_string(config.api.url);
}

/// Shown without its credentials, which nobody needs who wants to see what is in effect.
ConfigValue proxy() {
  return {text([](auto& c) -> auto& { return c.api.proxy; }).read,
          [](const Config& config) { return toml_string(without_credentials(config.api.proxy)); }};
}

}  // namespace

const std::vector<ConfigField>& config_fields() {
  constexpr std::array kDurabilities = {
      std::pair{std::string_view("full"), Durability::kFull},
      std::pair{std::string_view("relaxed"), Durability::kRelaxed}};
  constexpr std::array kOnClone = {std::pair{std::string_view("keep"), OnClone::kKeep},
                                   std::pair{std::string_view("discard"), OnClone::kDiscard}};
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
  // The ranges exclude what cannot work and slips of the unit; they are not tuning advice.
  static const std::vector<ConfigField> kFields = {
      {"api", "url", {read_url, show_url}},
      {"api", "key_file", path([](auto& c) -> auto& { return c.api.key_file; })},
      {"api", "connect_timeout",
       duration(
           [](auto& c) -> auto& { return c.api.connect_timeout; }, 10ms, 5min)},
      {"api", "request_timeout",
       duration(
           [](auto& c) -> auto& { return c.api.request_timeout; }, 10ms, 1h)},
      {"api", "max_in_flight",
       number(
           [](auto& c) -> auto& { return c.api.max_in_flight; }, 1, 50)},
      {"api", "max_requests_per_minute",
       number(
           [](auto& c) -> auto& { return c.api.max_requests_per_minute; }, 0, 1'000'000)},
      {"api", "ca_file", path([](auto& c) -> auto& { return c.api.ca_file; })},
      {"api", "proxy", proxy()},
      {"api", "allow_insecure", boolean([](auto& c) -> auto& { return c.api.allow_insecure; })},
      {"listen", "socket", path([](auto& c) -> auto& { return c.listen.socket; })},
      {"listen", "socket_mode", {read_socket_mode, show_socket_mode}},
      {"listen", "socket_group", text([](auto& c) -> auto& { return c.listen.socket_group; })},
      {"listen", "tcp", text([](auto& c) -> auto& { return c.listen.tcp; })},
      {"listen", "max_body",
       size(
           [](auto& c) -> auto& { return c.listen.max_body_bytes; }, 1ULL << 10U, 1ULL << 30U)},
      {"listen", "max_connections",
       number(
           [](auto& c) -> auto& { return c.listen.max_connections; }, 1, 65535)},
      {"listen", "allow_users", {read_allow_users, show_allow_users}},
      {"outbox", "path", path([](auto& c) -> auto& { return c.outbox.path; })},
      {"outbox", "max_size",
       size(
           [](auto& c) -> auto& { return c.outbox.max_size_bytes; }, 1ULL << 20U, 1ULL << 50U)},
      {"outbox", "max_damaged",
       number(
           [](auto& c) -> auto& { return c.outbox.max_damaged; }, 1, 100)},
      {"outbox", "durability",
       choice(
           [](auto& c) -> auto& { return c.outbox.durability; }, kDurabilities)},
      {"outbox", "on_clone",
       choice(
           [](auto& c) -> auto& { return c.outbox.on_clone; }, kOnClone)},
      {"delivery", "linger",
       duration(
           [](auto& c) -> auto& { return c.delivery.linger; }, 0ms, 1h)},
      {"delivery", "batch_items",
       number(
           [](auto& c) -> auto& { return c.delivery.batch_items; }, 1, 100)},
      {"delivery", "batch_bytes",
       size(
           [](auto& c) -> auto& { return c.delivery.batch_bytes; }, 1ULL << 10U, 64ULL << 20U)},
      {"delivery", "latest_types", {read_latest_types, show_latest_types}},
      {"delivery", "on_unknown",
       choice(
           [](auto& c) -> auto& { return c.delivery.on_unknown; }, kOnUnknown)},
      {"delivery", "retry_initial",
       duration(
           [](auto& c) -> auto& { return c.delivery.retry_initial; }, 10ms, 1h)},
      {"delivery", "retry_max",
       duration(
           [](auto& c) -> auto& { return c.delivery.retry_max; }, 10ms, 24h)},
      {"delivery", "dead_letter_after",
       duration(
           [](auto& c) -> auto& { return c.delivery.dead_letter_after; }, 0ms, 720h)},
      {"log", "level",
       choice(
           [](auto& c) -> auto& { return c.log.level; }, kLevels)},
      {"log", "format",
       choice(
           [](auto& c) -> auto& { return c.log.format; }, kFormats)},
  };
  return kFields;
}

}  // namespace flowmyna
