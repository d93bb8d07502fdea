#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace flowmyna {

/// A bound, listening, non-blocking stream socket that closes itself.
///
/// A Unix socket that this process bound is unlinked on close, but only while the path still leads
/// to the very inode that was bound: after a takeover by another process the path is theirs. A
/// socket from socket activation belongs to systemd and is never unlinked, nor made anew.
class ListeningSocket {
 public:
  enum class Kind { kUnix, kTcp };

  /// Owns `fd`. `name` is for people: the path, or the address with the port really bound.
  ListeningSocket(Kind kind, int fd, std::string name) noexcept
      : kind_(kind), fd_(fd), name_(std::move(name)) {}
  ~ListeningSocket() { close(); }
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  Kind kind() const { return kind_; }
  int fd() const { return fd_; }
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }

  enum class Owner { kThisProcess, kSystemd };

  /// Remembers the inode at `path` as this socket's; if it is this process's, close() takes it
  /// away.
  void remember_place(const std::filesystem::path& path, Owner owner);
  /// Where clients look for it; empty unless it has a place in the file system.
  const std::filesystem::path& place() const { return place_; }
  Owner owner() const { return owner_; }
  /// Whether its path still leads to it, as far as that can be seen.
  bool is_in_place() const;
  /// Idempotent; the destructor does the same.
  void close() noexcept;

 private:
  Kind kind_;
  int fd_ = -1;
  std::string name_;
  Owner owner_ = Owner::kThisProcess;
  std::filesystem::path place_;  ///< empty: none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Listens on a Unix stream socket at `path`, with exactly these permissions (independent of the
/// umask, and never wider on the way) and, unless `group` is empty, this group.
///
/// A missing last directory of the path is created (0755: who may connect is decided by the
/// socket's own mode). A socket left behind by a dead process is replaced; kBusy when a living
/// process answers there. Anything else at the path is refused (kInvalid) and left untouched.
Result<ListeningSocket> listen_unix(const std::filesystem::path& path, mode_t mode,
                                    const std::string& group);

/// Listens on a loopback address: "127.0.0.1:8765", "[::1]:8765", "localhost:8765" (IPv4). Port 0
/// takes a free one; `name()` tells which. Any other address is refused (kInvalid): what listens
/// beyond this machine needs TLS, and the agent has none.
Result<ListeningSocket> listen_tcp(std::string_view address);

/// The sockets that systemd opened for this process (sd_listen_fds(3)), none when it did not. The
/// environment variables of the protocol are removed. Call once, before the first thread starts.
Result<std::vector<ListeningSocket>> activated_sockets();

}  // namespace flowmyna
