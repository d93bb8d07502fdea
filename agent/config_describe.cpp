#include <array>
#include <cstdio>
#include <sstream>

#include "agent/config.h"
#include "agent/units.h"

namespace flowmyna {
namespace {

/// A TOML basic string.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(byte));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string quoted_mode(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode));
  return quoted(text.data());
}

template <class List, class Format>
std::string listed(const List& list, Format format) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ", ") + format(item);
  return "[" + out + "]";
}

/// http://user:password@proxy:3128 without what is before the '@'.
std::string without_credentials(const std::string& proxy) {
  const std::size_t at = proxy.rfind('@');
  if (at == proxy.npos) return proxy;
  const std::size_t scheme = proxy.find("://");
  return (scheme < at ? proxy.substr(0, scheme + 3) : "") + "***" + proxy.substr(at);
}

std::string state_of_key(const ApiConfig& api) {
  if (!api.key.empty()) return "set";
  return api.key_problem.empty() ? "not set" : "not set: " + api.key_problem;
}

}  // namespace

std::string describe(const Config& config) {
  const auto& [api, listen, outbox, delivery, log, warnings] = config;
  std::ostringstream out;
  out << "[api]\n"
      << "url = " << quoted(api.url) << "\n"
      << "# the API key is " << state_of_key(api) << "\n"
      << "key_file = " << quoted(api.key_file.string()) << "\n"
      << "connect_timeout = " << quoted(format_duration(api.connect_timeout)) << "\n"
      << "request_timeout = " << quoted(format_duration(api.request_timeout)) << "\n"
      << "max_in_flight = " << api.max_in_flight << "\n"
      << "max_requests_per_minute = " << api.max_requests_per_minute << "\n"
      << "ca_file = " << quoted(api.ca_file.string()) << "\n"
      << "proxy = " << quoted(without_credentials(api.proxy)) << "\n"
      << "allow_insecure = " << (api.allow_insecure ? "true" : "false") << "\n"
      << "\n[listen]\n"
      << "socket = " << quoted(listen.socket.string()) << "\n"
      << "socket_mode = " << quoted_mode(listen.socket_mode) << "\n"
      << "socket_group = " << quoted(listen.socket_group) << "\n"
      << "tcp = " << quoted(listen.tcp) << "\n"
      << "max_body = " << quoted(format_size(listen.max_body_bytes)) << "\n"
      << "max_connections = " << listen.max_connections << "\n"
      << "allow_users = "
      << listed(listen.allow_users, [](uid_t uid) { return std::to_string(uid); }) << "\n"
      << "\n[outbox]\n"
      << "path = " << quoted(outbox.path.string()) << "\n"
      << "max_size = " << quoted(format_size(outbox.max_size_bytes)) << "\n"
      << "max_damaged = " << outbox.max_damaged << "\n"
      << "durability = " << quoted(outbox.durability == Durability::kFull ? "full" : "relaxed")
      << "\n"
      << "on_clone = " << quoted(outbox.on_clone == OnClone::kKeep ? "keep" : "discard") << "\n"
      << "\n[delivery]\n"
      << "linger = " << quoted(format_duration(delivery.linger)) << "\n"
      << "batch_items = " << delivery.batch_items << "\n"
      << "batch_bytes = " << quoted(format_size(delivery.batch_bytes)) << "\n"
      << "latest_types = " << listed(delivery.latest_types, quoted) << "\n"
      << "on_unknown = " << quoted(delivery.on_unknown == OnUnknown::kResend ? "resend" : "hold")
      << "\n"
      << "retry_initial = " << quoted(format_duration(delivery.retry_initial)) << "\n"
      << "retry_max = " << quoted(format_duration(delivery.retry_max)) << "\n"
      << "dead_letter_after = " << quoted(format_duration(delivery.dead_letter_after)) << "\n"
      << "\n[log]\n"
      << "level = " << quoted(log.level) << "\n"
      << "format = " << quoted(log.format == LogFormat::kText ? "text" : "json") << "\n";
  return out.str();
}

}  // namespace flowmyna
