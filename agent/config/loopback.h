#pragma once

#include <arpa/inet.h>
#include <strings.h>

#include <string>
#include <string_view>

namespace flowmyna {

/// Whether `host`, a name or address without a port, can only mean this machine: `localhost`,
/// 127.0.0.0/8 in full dotted form, `::1` or `[::1]`. Never asks a resolver: a name that resolves
/// to a loopback address today may resolve to another one tomorrow (DNS rebinding).
inline bool is_loopback_host(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const std::string text(host);
  if (strcasecmp(text.c_str(), "localhost") == 0) return true;
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6) != 0;
}

/// A host and its port, as in a Host header or a listening address. `port` is what stands after the
/// last colon outside brackets, empty when there is none.
struct HostAndPort {
  std::string_view host;
  std::string_view port;
};

inline HostAndPort split_host_and_port(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return {text, {}};
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace flowmyna
