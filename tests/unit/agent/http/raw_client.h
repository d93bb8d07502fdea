#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace flowmyna::test {

/// A directory under /tmp that goes with the test.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    char name[] = "/tmp/flowmyna-test-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct Reply {
  int status = 0;  ///< 0: the connection ended before an answer
  std::string head;
  std::string body;
};

/// A client that sends exactly the bytes it is told to, over a blocking socket.
class RawClient {
 public:
  static RawClient unix_socket(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return RawClient(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  /// `name` as in "127.0.0.1:8765".
  static RawClient tcp(std::string_view name) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(std::string(name.substr(name.rfind(':') + 1)))));
    return RawClient(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  ~RawClient() { close(); }
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  /// False when the other side closed before everything was taken.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  Reply read_reply() {
    Reply reply;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return reply;
    }
    reply.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    reply.status = std::stoi(reply.head.substr(9, 3));
    if (reply.status == 100) return reply;
    const std::size_t length_at = reply.head.find("Content-Length: ");
    const std::size_t length =
        length_at == std::string::npos ? 0 : std::stoul(reply.head.substr(length_at + 16));
    while (buffer_.size() < length && read_more()) {
    }
    reply.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return reply;
  }

  Reply ask(std::string_view request) {
    send(request);
    return read_reply();
  }

  /// Waits for the other side to close.
  bool at_end() {
    while (read_more()) {
    }
    return ended_;
  }

 private:
  RawClient(int family, const sockaddr* address, socklen_t size)
      : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    // Long enough for a loaded machine, and a hanging test ends with a message.
    const timeval limit{30, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    connected_ = connect(fd_, address, size) == 0;
  }

  bool read_more() {
    char piece[4096];
    const ssize_t size = recv(fd_, piece, sizeof piece, 0);
    if (size == 0 || (size < 0 && errno == ECONNRESET)) ended_ = true;
    if (size <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(size));
    return true;
  }

  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string buffer_;
};

inline std::string post(std::string_view body, std::string_view headers = "",
                        std::string_view target = "/api/public/v1/object/upsert") {
  std::string request = "POST ";
  request.append(target).append(" HTTP/1.1\r\nHost: agent\r\n").append(headers);
  request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return request.append(body);
}

}  // namespace flowmyna::test
