#pragma once

#include <filesystem>
#include <string>

#include "agent/config/config.h"
#include "agent/http/http_server.h"

namespace flowmyna {

/// Keeps a server's Unix socket where clients look for it. When somebody removed it (a cleaner of
/// temporary files, a person), it is created again, and open connections go on. What was put in its
/// place is not touched, and a socket that systemd made is left for systemd to make again. Each
/// trouble is logged once. Used by the thread that opens and stops the server.
class SocketKeeper {
 public:
  /// `server` must outlive it.
  SocketKeeper(HttpServer& server, const ListenConfig& config);

  /// To be called whenever something may have happened at `place()`.
  void look();
  /// Empty when there is nothing to keep, as of a TCP server.
  std::filesystem::path place() const { return server_.socket().place(); }

 private:
  void complain(const std::string& trouble);

  HttpServer& server_;
  mode_t mode_;
  std::string group_;
  std::string told_;  // the trouble that is in the log; empty while there is none
};

}  // namespace flowmyna
