#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace flowmyna {

/// The addresses that this machine has now.
class LocalAddresses {
 public:
  /// Asks the kernel. When it cannot say, every address counts as present.
  static LocalAddresses of_machine();
  /// Whether the address that the socket is bound to is still there; true when it has none yet.
  bool has_address_of(int socket) const;

 private:
  bool unknown_ = false;
  std::set<std::string> addresses_;  // as the kernel writes them: 4 or 16 bytes
};

/// How far a request has come over its connection, in bytes as the kernel counts them (tcp(7),
/// TCP_INFO).
struct Progress {
  std::uint64_t acknowledged = 0;  ///< by the peer
  std::uint64_t received = 0;      ///< from it
  bool operator==(const Progress&) const = default;
};

/// What the kernel is told about each TCP connection to the API, and what it knows about them.
///
/// **No stale copy.** A kernel goes on sending what was written to a socket after the socket was
/// closed, and after the process that wrote it was killed. On a network that was away, a request
/// that was given up would so arrive later than its resend and than newer data, and undo them. So
/// every connection lingers for zero seconds (SO_LINGER, socket(7)): closing it, in whatever way,
/// throws away what the peer has not acknowledged and resets the connection. Only one with nothing
/// left to send is closed in the ordinary way. (What the network itself still carries is beyond
/// any client. TLS says goodbye before a connection is closed, so an idle one ends with a reset as
/// well, which then throws away nothing but that.)
///
/// A peer that vanished without a word is noticed after kSilentSeconds, by unacknowledged data as
/// well as while an answer is awaited: a third of what a request may take by default, and six
/// retransmissions on an ordinary line, which is patient enough where a fifth of all packets is
/// lost. (libcurl's limit on a transfer's speed was rejected: it cannot tell an API that thinks
/// from one that is gone, and would cut the first one's answer off long before `request_timeout`.)
///
/// One thread uses it; so it does the sockets.
class Connections {
 public:
  static constexpr int kSilentSeconds = 20;         ///< TCP_USER_TIMEOUT
  static constexpr int kKeepaliveIdleSeconds = 10;  ///< until the first keepalive
  static constexpr int kKeepaliveEverySeconds = 5;  ///< and between two

  /// A socket that is about to connect, on behalf of the transfer `owner`.
  void opened(int socket, std::uint64_t owner);
  /// Closes it.
  void close(int socket);
  struct Started {
    int socket = -1;        ///< -1 when there is none
    bool was_used = false;  ///< it has carried a request before
  };
  /// The one with this local end, which carries a request now.
  Started started(const std::string& local_ip, int local_port);
  /// Whether something came in, or the peer closed it. Of one that waits for a request that is
  /// nothing good: its end, TLS's goodbye before that, or an answer to nothing.
  static bool has_news(int socket);
  /// All zero when the socket is none.
  static Progress progress_of(int socket);

  /// Whether all sockets with which `owner` tries to connect are dead; nothing when there are none.
  std::optional<bool> are_dead(std::uint64_t owner, const LocalAddresses& addresses) const;
  /// Whether the connection can bring no answer any more: its own address is gone, or the peer does
  /// not acknowledge what it was sent. One whose peer has acknowledged everything is not dead: the
  /// answer may be on its way.
  bool is_dead(int socket, const LocalAddresses& addresses) const;

 private:
  std::map<int, std::uint64_t> owners_;  // by open socket; 0 once it has carried a request
};

}  // namespace flowmyna
