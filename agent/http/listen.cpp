#include "agent/http/listen.h"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "agent/config/loopback.h"

namespace flowmyna {
namespace {

/// unix(7): sun_path, with the NUL that ends it.
constexpr std::size_t kSocketPathMaxBytes = sizeof(sockaddr_un::sun_path) - 1;

std::string reason(int error) {
  return std::generic_category().message(error);
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

template <class Address>
const sockaddr* as_sockaddr(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<void> check_length(const std::string& path) {
  if (path.empty()) return fail(Error::Kind::kInvalid, "listen.socket is empty: set a path");
  if (path.size() <= kSocketPathMaxBytes) return {};
  return fail(Error::Kind::kInvalid, "the socket path is " + std::to_string(path.size()) +
                                         " bytes long and the kernel allows " +
                                         std::to_string(kSocketPathMaxBytes) +
                                         ": set a shorter listen.socket than '" + path + "'");
}

Result<void> ensure_directory(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  struct stat found {};
  if (stat(directory.c_str(), &found) != 0) {
    // One level only: a typo must not grow a tree of directories.
    if (errno == ENOENT && mkdir(directory.c_str(), 0755) == 0) return {};
    const int error = errno;
    return fail(Error::Kind::kInvalid,
                "cannot create the directory " + directory.string() +
                    " for the socket: " + reason(error) +
                    "; create it, or set listen.socket to a path in an existing directory");
  }
  if (!S_ISDIR(found.st_mode)) {
    return fail(Error::Kind::kInvalid, directory.string() +
                                           " is not a directory: set listen.socket to a path in "
                                           "an existing directory");
  }
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    const int error = errno;
    return fail(Error::Kind::kInvalid, "cannot create a socket in " + directory.string() + ": " +
                                           reason(error) + "; give this user (uid " +
                                           std::to_string(geteuid()) +
                                           ") write permission there or change listen.socket");
  }
  return {};
}

const char* file_type(mode_t mode) {
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISLNK(mode)) return "a symbolic link";
  return "not a socket";
}

/// Takes away the socket of a dead process. Succeeds when the path is free to bind.
Result<void> clear_stale_socket(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return fail(Error::Kind::kIo, "cannot examine " + path + ": " + reason(errno));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(Error::Kind::kInvalid, path + " is " + file_type(found.st_mode) +
                                           " and is left alone: remove it or set another "
                                           "listen.socket");
  }
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return fail(Error::Kind::kIo, "cannot create a socket: " + reason(errno));
  const sockaddr_un address = unix_address(path);
  const int connected = connect(probe, as_sockaddr(address), sizeof address);
  const int error = errno;
  ::close(probe);
  // unix(7): a socket file without a listener refuses; EAGAIN is a living one with a full backlog.
  if (connected == 0 || error == EAGAIN || error == EPROTOTYPE) {
    return fail(Error::Kind::kBusy,
                "another program listens on " + path + ": stop it or set another listen.socket");
  }
  if (error != ECONNREFUSED && error != ENOENT) {
    return fail(Error::Kind::kIo, "cannot tell whether " + path + " is in use: " + reason(error) +
                                      "; remove it or set another listen.socket");
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail(Error::Kind::kIo, "cannot remove the stale socket " + path + ": " + reason(errno));
  }
  return {};
}

Result<std::optional<gid_t>> find_group(const std::string& name) {
  if (name.empty()) return std::nullopt;
  group entry{};
  group* found = nullptr;
  std::array<char, 16384> buffer{};
  getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return fail(Error::Kind::kInvalid, "there is no group '" + name +
                                           "': create it (groupadd --system " + name +
                                           ") or change listen.socket_group");
  }
  return found->gr_gid;
}

Result<void> set_owner_and_mode(const std::string& path, std::optional<gid_t> gid, mode_t mode,
                                const std::string& group) {
  if (gid && lchown(path.c_str(), static_cast<uid_t>(-1), *gid) != 0) {
    const int error = errno;
    return fail(Error::Kind::kInvalid, "cannot give " + path + " to the group '" + group +
                                           "': " + reason(error) +
                                           "; make the agent's user a member of it or change "
                                           "listen.socket_group");
  }
  if (chmod(path.c_str(), mode) != 0) {
    return fail(Error::Kind::kIo, "cannot set the mode of " + path + ": " + reason(errno));
  }
  return {};
}

Result<void> start_listening(const ListeningSocket& listener) {
  if (::listen(listener.fd(), SOMAXCONN) == 0) return {};
  const int error = errno;
  return fail(error == EADDRINUSE ? Error::Kind::kBusy : Error::Kind::kIo,
              "cannot listen on " + listener.name() + ": " + reason(error));
}

struct TcpAddress {
  sockaddr_storage storage{};
  socklen_t size_bytes = 0;
};

Result<TcpAddress> parse_tcp(std::string_view text) {
  const auto [host, port_text] = split_host_and_port(text);
  unsigned port = 0;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (port_text.empty() || error != std::errc{} || end != port_text.data() + port_text.size() ||
      port > 65535) {
    return fail(Error::Kind::kInvalid, "listen.tcp '" + std::string(text) +
                                           "' is not an address with a port: write it like "
                                           "\"127.0.0.1:8765\"");
  }
  if (!is_loopback_host(host)) {
    return fail(Error::Kind::kInvalid,
                "listen.tcp '" + std::string(text) +
                    "' is not a loopback address: the agent speaks plain HTTP and listens only on "
                    "127.0.0.1, [::1] or localhost");
  }
  TcpAddress address;
  if (host.front() == '[') {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<std::uint16_t>(port));
    v6->sin6_addr = in6addr_loopback;
    address.size_bytes = sizeof(sockaddr_in6);
    return address;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, std::string(host).c_str(), &v4->sin_addr) != 1) {
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);  // localhost
  }
  address.size_bytes = sizeof(sockaddr_in);
  return address;
}

/// "127.0.0.1:8765" of the address that `fd` is bound to; the path for a Unix socket.
std::string bound_name(int fd) {
  sockaddr_storage storage{};
  socklen_t size_bytes = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size_bytes) != 0) return "?";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_UNIX) {
    const auto* address = reinterpret_cast<const sockaddr_un*>(&storage);
    const std::size_t path_bytes = size_bytes - offsetof(sockaddr_un, sun_path);
    return {address->sun_path, strnlen(address->sun_path, path_bytes)};
  }
  if (storage.ss_family == AF_INET6) {
    const auto* address = reinterpret_cast<const sockaddr_in6*>(&storage);
    inet_ntop(AF_INET6, &address->sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(address->sin6_port));
  }
  const auto* address = reinterpret_cast<const sockaddr_in*>(&storage);
  inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
  return std::string(text.data()) + ":" + std::to_string(ntohs(address->sin_port));
}

Result<ListeningSocket> adopt_activated(int fd) {
  const bool is_unix = sd_is_socket_unix(fd, SOCK_STREAM, 1, nullptr, 0) > 0;
  const bool is_tcp = sd_is_socket(fd, AF_INET, SOCK_STREAM, 1) > 0 ||
                      sd_is_socket(fd, AF_INET6, SOCK_STREAM, 1) > 0;
  const std::string name = bound_name(fd);
  ListeningSocket adopted(is_tcp ? ListeningSocket::Kind::kTcp : ListeningSocket::Kind::kUnix, fd,
                          name);
  if (!is_unix && !is_tcp) {
    return fail(Error::Kind::kInvalid,
                "systemd handed over a descriptor that is not a listening stream socket: use only "
                "ListenStream= in the socket unit");
  }
  if (is_tcp && !is_loopback_host(split_host_and_port(name).host)) {
    return fail(Error::Kind::kInvalid, "systemd handed over the socket " + name +
                                           ", which is not a loopback address: use "
                                           "ListenStream=127.0.0.1:PORT in the socket unit");
  }
  if (is_unix && !name.empty()) adopted.remember_place(name, ListeningSocket::Owner::kSystemd);
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return fail(Error::Kind::kIo, "cannot prepare the socket " + name + ": " + reason(errno));
  }
  return adopted;
}

}  // namespace

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : kind_(other.kind_),
      fd_(std::exchange(other.fd_, -1)),
      name_(std::move(other.name_)),
      owner_(other.owner_),
      place_(std::exchange(other.place_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this != &other) {
    close();
    kind_ = other.kind_;
    fd_ = std::exchange(other.fd_, -1);
    name_ = std::move(other.name_);
    owner_ = other.owner_;
    place_ = std::exchange(other.place_, {});
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

void ListeningSocket::remember_place(const std::filesystem::path& path, Owner owner) {
  struct stat bound {};
  if (lstat(path.c_str(), &bound) != 0) return;
  owner_ = owner;
  place_ = path;
  device_ = bound.st_dev;
  inode_ = bound.st_ino;
}

bool ListeningSocket::is_in_place() const {
  if (place_.empty()) return true;
  struct stat now {};
  if (lstat(place_.c_str(), &now) != 0) return errno != ENOENT && errno != ENOTDIR;
  return now.st_dev == device_ && now.st_ino == inode_;
}

void ListeningSocket::close() noexcept {
  if (fd_ < 0) return;
  struct stat now {};
  if (!place_.empty() && owner_ == Owner::kThisProcess && lstat(place_.c_str(), &now) == 0 &&
      now.st_dev == device_ && now.st_ino == inode_) {
    unlink(place_.c_str());
  }
  ::close(std::exchange(fd_, -1));
}

Result<ListeningSocket> listen_unix(const std::filesystem::path& path, mode_t mode,
                                    const std::string& group) {
  const std::string text = path.string();
  if (auto fits = check_length(text); !fits) return tl::make_unexpected(fits.error());
  const auto gid = find_group(group);
  if (!gid) return tl::make_unexpected(gid.error());
  if (auto ready = ensure_directory(path); !ready) return tl::make_unexpected(ready.error());
  if (auto clear = clear_stale_socket(text); !clear) return tl::make_unexpected(clear.error());

  ListeningSocket listener(ListeningSocket::Kind::kUnix,
                           socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), text);
  if (listener.fd() < 0) return fail(Error::Kind::kIo, "cannot create a socket: " + reason(errno));
  // bind(2) gives the file the mode of the descriptor: nobody else can connect before chmod below.
  fchmod(listener.fd(), 0600);
  const sockaddr_un address = unix_address(text);
  if (bind(listener.fd(), as_sockaddr(address), sizeof address) != 0) {
    const int error = errno;
    return fail(error == EADDRINUSE ? Error::Kind::kBusy : Error::Kind::kIo,
                "cannot create the socket " + text + ": " + reason(error));
  }
  listener.remember_place(path, ListeningSocket::Owner::kThisProcess);
  if (auto set = set_owner_and_mode(text, *gid, mode, group); !set) {
    return tl::make_unexpected(set.error());
  }
  if (auto listening = start_listening(listener); !listening) {
    return tl::make_unexpected(listening.error());
  }
  return listener;
}

Result<ListeningSocket> listen_tcp(std::string_view address) {
  const auto parsed = parse_tcp(address);
  if (!parsed) return tl::make_unexpected(parsed.error());
  ListeningSocket listener(
      ListeningSocket::Kind::kTcp,
      socket(parsed->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
      std::string(address));
  if (listener.fd() < 0) return fail(Error::Kind::kIo, "cannot create a socket: " + reason(errno));
  const int on = 1;  // a restart must not wait for connections in TIME_WAIT
  setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener.fd(), as_sockaddr(parsed->storage), parsed->size_bytes) != 0) {
    const int error = errno;
    if (error == EADDRINUSE) {
      return fail(Error::Kind::kBusy, "another program listens on " + std::string(address) +
                                          ": stop it or set another listen.tcp");
    }
    return fail(Error::Kind::kIo,
                "cannot listen on " + std::string(address) + ": " + reason(error));
  }
  if (auto listening = start_listening(listener); !listening) {
    return tl::make_unexpected(listening.error());
  }
  listener.set_name(bound_name(listener.fd()));
  return listener;
}

Result<std::vector<ListeningSocket>> activated_sockets() {
  const int count = sd_listen_fds(1);
  if (count < 0) {
    return fail(Error::Kind::kInvalid,
                "the sockets from systemd cannot be taken over: " + reason(-count));
  }
  std::vector<ListeningSocket> sockets;
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    auto adopted = adopt_activated(fd);
    if (!adopted) return tl::make_unexpected(adopted.error());
    sockets.push_back(std::move(*adopted));
  }
  return sockets;
}

}  // namespace flowmyna
