#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/clock_watch.h"
#include "agent/config.h"
#include "agent/key_watch.h"
#include "agent/secret.h"
#include "agent/watch_loop.h"
#include "delivery/network_watch.h"

namespace flowmyna {

/// What the daemon notices by itself while it runs: the network, the machine's sleep, the key file.
/// Each is a convenience that may be missing in a sandbox: then that is logged once, and delivery
/// goes by its back-off and by signals. All of it happens on the thread of the loop.
class Senses {
 public:
  struct Reactions {
    std::function<void()> network_changed;         ///< something came; also: the machine woke up
    std::function<void()> network_lost;            ///< something went, and nothing came
    std::function<void(const Secret&)> key_found;  ///< a valid key, perhaps the one in use
  };

  /// Takes its place in the loop, and must live until that has ended.
  Senses(WatchLoop& loop, Reactions reactions);
  Senses(const Senses&) = delete;
  Senses& operator=(const Senses&) = delete;

  /// Watches this file from now on; an empty path: none.
  void watch_key_file(const std::filesystem::path& file);

 private:
  void on_network();
  void on_clock_set();
  void look_around();
  void notice_sleep();
  void read_key();

  const Reactions reactions_;
  std::optional<NetworkWatch> network_;
  std::optional<ClockWatch> clock_;
  std::optional<KeyWatch> key_;
  std::string key_error_;  // the last one logged, until a key is read
};

}  // namespace flowmyna
