#pragma once

#include <string>

namespace flowmyna {

/// The default places of an agent's socket and state: one rule for the agent and for its clients,
/// who look for it there. Pure: `get` gives the value of an environment variable, empty when it is
/// not set. As the XDG specification says, a relative path counts as not set.

inline constexpr const char* kSystemSocket = "/run/flowmyna-agent/agent.sock";

/// As root /var/lib/flowmyna-agent; else $XDG_STATE_HOME/flowmyna-agent, by default
/// ~/.local/state/flowmyna-agent. Empty when there is neither that variable nor HOME.
template <class Get>
std::string default_state_place(bool is_root, const Get& get) {
  if (is_root) return "/var/lib/flowmyna-agent";
  const std::string state = get("XDG_STATE_HOME");
  if (state.starts_with('/')) return state + "/flowmyna-agent";
  const std::string home = get("HOME");
  return home.empty() ? home : home + "/.local/state/flowmyna-agent";
}

/// $FLOWMYNA_SOCKET; else, as root, the system's; else $XDG_RUNTIME_DIR/flowmyna-agent/agent.sock.
/// Without a runtime directory agent.sock lies beside the state, which is as private, and where
/// there is no place for that either it is empty.
template <class Get>
std::string default_socket_place(bool is_root, const Get& get) {
  const std::string given = get("FLOWMYNA_SOCKET");
  if (!given.empty()) return given;
  if (is_root) return kSystemSocket;
  const std::string runtime = get("XDG_RUNTIME_DIR");
  if (runtime.starts_with('/')) return runtime + "/flowmyna-agent/agent.sock";
  const std::string state = default_state_place(is_root, get);
  return state.empty() ? state : state + "/agent.sock";
}

}  // namespace flowmyna
