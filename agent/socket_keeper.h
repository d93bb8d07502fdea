#pragma once

#include <filesystem>
#include <string>

#include "agent/config.h"
#include "agent/door.h"

namespace flowmyna {

/// Keeps a door's Unix socket where clients look for it: where somebody took it away (a cleaner of
/// temporary files, a person) it is made again, and the connections that are open go on. What was
/// put into its place is not touched, and a socket of systemd's is systemd's to make. Each trouble
/// is said once. Used by the thread that opens and stops the door.
class SocketKeeper {
 public:
  /// `door` must outlive it.
  SocketKeeper(Door& door, const ListenConfig& config);

  /// To be called whenever something may have happened at `place()`.
  void look();
  /// Empty when there is nothing to keep, as of a TCP door.
  std::filesystem::path place() const { return door_.socket().place(); }

 private:
  void complain(const std::string& trouble);

  Door& door_;
  mode_t mode_;
  std::string group_;
  std::string told_;  // the trouble that is in the log; empty while there is none
};

}  // namespace flowmyna
