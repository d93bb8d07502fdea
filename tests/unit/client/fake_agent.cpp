#include "unit/client/fake_agent.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>

namespace flowmyna::test {
namespace {

std::size_t body_length(const std::string& head) {
  static const std::string kField = "Content-Length: ";
  const auto at = head.find(kField);
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + kField.size()));
}

/// Nothing when the client went away first.
std::optional<std::string> read_request(int fd) {
  std::string bytes;
  std::array<char, 65536> chunk;
  while (true) {
    const auto end = bytes.find("\r\n\r\n");
    if (end != std::string::npos && bytes.size() >= end + 4 + body_length(bytes)) return bytes;
    const ssize_t got = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (got <= 0) return std::nullopt;
    bytes.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

void send_all(int fd, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
}

void wait_for_bytes(int fd) {
  pollfd entry{fd, POLLIN, 0};
  ::poll(&entry, 1, -1);
}

int check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  return result;
}

}  // namespace

std::string http(const std::string& body, const std::string& status, const std::string& fields) {
  return "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

FakeAgent::FakeAgent(std::vector<Step> script) : script_(std::move(script)) {
  std::string pattern = "/tmp/flowmyna-client-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  path_ = directory_ + "/agent.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  listener_ = check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  check(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  check(::listen(listener_, 8), "listen");
  stop_event_ = check(::eventfd(0, EFD_CLOEXEC), "eventfd");
  thread_ = std::thread([this] { run(); });
}

FakeAgent::~FakeAgent() {
  stop();
  ::close(stop_event_);
  ::unlink(path_.c_str());
  ::rmdir(directory_.c_str());
}

void FakeAgent::stop() {
  if (!thread_.joinable()) return;
  check(::eventfd_write(stop_event_, 1), "eventfd_write");
  thread_.join();
  ::close(listener_);
}

std::vector<std::string> FakeAgent::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<std::string> FakeAgent::bodies() {
  auto all = requests();
  for (auto& request : all) request.erase(0, request.find("\r\n\r\n") + 4);
  return all;
}

void FakeAgent::run() {
  while (true) {
    std::array<pollfd, 2> entries{{{listener_, POLLIN, 0}, {stop_event_, POLLIN, 0}}};
    ::poll(entries.data(), entries.size(), -1);
    if ((entries[0].revents & POLLIN) != 0) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      ++connections_;
      serve(fd);
      ::close(fd);
    } else if (entries[1].revents != 0) {
      return;
    }
  }
}

void FakeAgent::serve(int fd) {
  while (perform(fd, next_step())) {
  }
}

Step FakeAgent::next_step() {
  return next_ < script_.size() ? script_[next_] : Step{Step::Kind::kReadAndClose, ""};
}

/// Whether the connection goes on. A step is used up only by a request.
bool FakeAgent::perform(int fd, const Step& step) {
  if (step.kind == Step::Kind::kCloseUnread || step.kind == Step::Kind::kAnswerUnread) {
    wait_for_bytes(fd);
    send_all(fd, step.answer);
    ++next_;
    return false;
  }
  const auto request = read_request(fd);
  if (!request) return false;
  ++next_;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(*request);
  }
  send_all(fd, step.answer);
  if (step.kind == Step::Kind::kStaySilent) wait_for_bytes(fd);
  return step.kind == Step::Kind::kAnswer;
}

}  // namespace flowmyna::test
