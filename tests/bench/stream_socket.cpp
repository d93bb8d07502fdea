#include "bench/stream_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace flowmyna::bench {

Result<stand_in::Descriptor> connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Error::Kind::kInvalid, "the socket path " + path + " is too long");
  }
  path.copy(address.sun_path, path.size());
  stand_in::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(Error::Kind::kUnreachable,
                "nobody answers on " + path + ": " + std::strerror(errno));
  }
  return socket;
}

Result<std::string> ask(const std::string& socket, const std::string& method,
                        const std::string& path) {
  auto connection = connect_unix(socket);
  if (!connection) return tl::make_unexpected(connection.error());
  const std::string request = method + " " + path +
                              " HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n"
                              "Content-Length: 0\r\n\r\n";
  if (::send(connection->get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
    return fail(Error::Kind::kIo, std::string("cannot send: ") + std::strerror(errno));
  }
  std::string answer;
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t got = ::recv(connection->get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      return fail(Error::Kind::kIo, std::string("cannot receive: ") + std::strerror(errno));
    }
    if (got == 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const auto head = answer.find("\r\n\r\n");
  if (head == answer.npos) return fail(Error::Kind::kIo, "no HTTP answer on " + socket);
  return answer.substr(head + 4);
}

}  // namespace flowmyna::bench
