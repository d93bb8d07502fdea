#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "core/result.h"

namespace flowmyna {

/// What happened to the network since the last look.
struct NetworkNews {
  bool came = false;  ///< a route, an address or a link that was not there before
  bool went = false;  ///< one that was there is gone
};

/// The kernel's reports on routes, addresses and links (rtnetlink(7)), reduced to what may let the
/// API be reached again, or stop it from being reached. What is repeated without being new (the
/// renewed lifetime of an address, a link's statistics), the loopback interface and link-local and
/// multicast destinations are no news.
///
/// What was there before the watch is not known to it: the first repetition counts as new. When the
/// kernel had more to tell than its queue holds, everything may have happened.
/// One thread uses it.
class NetworkWatch {
 public:
  /// kUnsupported where the kernel or a sandbox gives no such socket: then a network that comes
  /// back is noticed when the back-off ends.
  static Result<NetworkWatch> open();
  NetworkWatch(NetworkWatch&& other) noexcept;
  NetworkWatch& operator=(NetworkWatch&&) = delete;
  ~NetworkWatch();

  /// Becomes readable when there is something to take. Not blocking.
  int fd() const { return fd_; }
  /// Takes all that is there.
  NetworkNews drain();

  /// Reads messages as the kernel writes them; `drain` without the socket.
  void read(std::span<const char> messages, NetworkNews& news);

 private:
  explicit NetworkWatch(int fd);
  void forget_all();
  void read_link(const void* message, std::size_t size, bool is_new, NetworkNews& news);
  void read_address(const void* message, std::size_t size, bool is_new, NetworkNews& news);
  void read_route(const void* message, std::size_t size, bool is_new, NetworkNews& news) const;

  int fd_ = -1;
  std::map<int, bool> is_running_;                   // by interface
  std::set<std::pair<int, std::string>> addresses_;  // interface and address
  int loopback_ = 0;                                 // its interface
};

}  // namespace flowmyna
