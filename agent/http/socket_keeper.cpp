#include "agent/http/socket_keeper.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace flowmyna {

SocketKeeper::SocketKeeper(HttpServer& server, const ListenConfig& config)
    : server_(server), mode_(config.socket_mode), group_(config.socket_group) {}

void SocketKeeper::look() {
  const ListeningSocket& socket = server_.socket();
  if (socket.is_in_place()) return told_.clear();
  if (socket.owner() == ListeningSocket::Owner::kSystemd) {
    return complain(
        "systemd created it and has to create it again: systemctl stop flowmyna-agent.service, "
        "restart flowmyna-agent.socket, start flowmyna-agent.service");
  }
  auto made = listen_unix(socket.place(), mode_, group_);
  if (!made) return complain(made.error().message);
  server_.listen_on(*std::move(made));
  spdlog::warn("the socket {} was removed by somebody: it has been created again", server_.name());
  told_.clear();
}

void SocketKeeper::complain(const std::string& trouble) {
  if (std::exchange(told_, trouble) == trouble) return;
  spdlog::error("the socket {} was removed by somebody, and new clients cannot find the agent: {}",
                server_.name(), trouble);
}

}  // namespace flowmyna
