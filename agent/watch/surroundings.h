#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/config/secret.h"
#include "agent/watch/clock_watch.h"
#include "agent/watch/file_watch.h"
#include "agent/watch/network_watch.h"
#include "agent/watch/watch_loop.h"

namespace flowmyna {

/// What the daemon notices by itself while it runs: the network, the machine's sleep, the key file,
/// changes to its sockets. Each may be missing in a sandbox: then that is logged once, and instead
/// delivery relies on its back-off and on signals, and sockets are checked at intervals. All of it
/// happens on the thread of the loop.
class Surroundings {
 public:
  struct Reactions {
    std::function<void()> network_changed;         ///< something came; also: the machine woke up
    std::function<void()> network_lost;            ///< something went, and nothing came
    std::function<void(const Secret&)> key_found;  ///< a valid key, perhaps the one in use
    /// There is none any more, or none yet, and why; once for each reason.
    std::function<void(const std::string&)> key_unusable;
    std::function<void()> sockets_disturbed;  ///< something may have happened to one
  };

  /// Takes its place in the loop, and must live until that has ended.
  Surroundings(WatchLoop& loop, Reactions reactions);
  Surroundings(const Surroundings&) = delete;
  Surroundings& operator=(const Surroundings&) = delete;

  /// Watches this file from now on, whether or not it is there; an empty path: none. `problem` is
  /// what is known to be wrong with it already; empty: nothing.
  void watch_key_file(const std::filesystem::path& file, const std::string& problem);
  /// Watches these from now on. Once.
  void watch_sockets(const std::vector<std::filesystem::path>& places);

 private:
  void on_network();
  void on_clock_set();
  void look_around();
  void notice_sleep();
  void read_key();

  WatchLoop& loop_;
  const Reactions reactions_;
  std::optional<NetworkWatch> network_;
  std::optional<ClockWatch> clock_;
  std::optional<FileWatch> key_;
  std::vector<FileWatch> sockets_;
  std::string key_error_;  // the last one told, until a key is read
};

}  // namespace flowmyna
